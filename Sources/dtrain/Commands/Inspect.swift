import Checkpoints
import Datasets
import Failures
import Files
import Inspection
import Reporting

extension Command {
    static let inspect = Command(
        name: "inspect", summary: "show what a dataset or a checkpoint contains",
        positions: [ValueKind("DATA|CHECKPOINT", .directories)],
        options: [
            .one("config", .file, "datasets: the configuration that will train on it"),
            .settings,
            .one("samples", "N", "datasets: number of training samples to show (default 3)"),
            .flag("json", "print one JSON object"),
        ],
        example: "dtrain inspect data/captions --config configs/bert.yaml"
    ) { arguments, session in
        let console = session.console
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            let path = arguments.positions[0]
            if try !isDataset(path), try isCheckpoint(path) {
                for name in ["config", "set", "samples"] where arguments.has(name) {
                    throw arguments.usage("--\(name) belongs to datasets; \(path) is a checkpoint or a run.")
                }
                let found = try Checkpoint.find(path, verifying: false)
                for note in found.notes { console.warn(note) }
                let report = try CheckpointReport(found.checkpoint) { done, total in
                    console.draw("reading: \(100 * done / max(total, 1)) %")
                }
                return arguments.has("json") ? report.json.printedLine : report.text
            }
            let report = try DatasetReport(
                path, configuration: arguments.value("config"), sets: arguments.list("set"),
                samples: try arguments.integer("samples", in: 0...1000, default: 3)
            ) { done, total in console.draw("reading: \(100 * done / max(total, 1)) %") }
            return arguments.has("json") ? report.json.printedLine : report.text
        }
        console.say(lines)
        return .finished
    }
}

/// Whether `path` is a directory with a dataset.
private func isDataset(_ path: String) throws(Failure) -> Bool {
    try FileSystem.isPresent("\(path)/\(DatasetManifest.fileName)")
}

/// Whether `path` is a checkpoint, a run, or the marker of a run's best checkpoint.
private func isCheckpoint(_ path: String) throws(Failure) -> Bool {
    guard FileSystem.isDirectory(path) else { return try FileSystem.isPresent(path) }
    if try FileSystem.isPresentDirectory(RunDirectory(path).checkpoints) { return true }
    return try FileSystem.isPresent("\(path)/\(CheckpointManifest.fileName)")
}
