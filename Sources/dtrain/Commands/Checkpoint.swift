import Checkpoints
import Exchange
import Failures
import Files
import Inference
import Inspection
import Reporting

extension Command {
    static let checkpoint = Command(
        name: "checkpoint", summary: "list, verify or average checkpoints, print digest or parameters",
        positions: [.choice(of: CheckpointAction.self), ValueKind("RUN|DIR", .directories)],
        repeatsLastPosition: true,
        options: [
            .flag("json", "list and parameters: print one JSON object"),
            .one("output", .directory, "average: run directory to create, with one checkpoint"), .weights,
        ],
        example: "dtrain checkpoint list runs/quickstart"
    ) { arguments, session in
        let path = arguments.positions[1]
        let lines = try session.communicator.onFirstRank { () throws(Failure) in
            let action: CheckpointAction = try arguments.choice(at: 0)
            guard !arguments.has("json") || [.list, .parameters].contains(action) else {
                throw arguments.usage("--json belongs to list and parameters, not to \(action.rawValue).")
            }
            if action == .average { return try average(arguments, session.console) }
            for option in ["output", "weights"] where arguments.has(option) {
                throw arguments.usage("--\(option) belongs to average, not to \(action.rawValue).")
            }
            guard arguments.positions.count == 2 else {
                throw arguments.usage(
                    "\(action.rawValue) takes one RUN or DIR; found \(arguments.positions.count - 1).")
            }
            if action == .list {
                let list = try CheckpointTable(path)
                return arguments.has("json") ? list.json.printedLine : list.text
            }
            let progress = { (done: Int, total: Int) in
                session.console.draw("verifying: \(100 * done / max(total, 1)) %")
            }
            let found = try Checkpoint.find(path, verifying: action != .parameters, progress: progress)
            // If the newest checkpoint is damaged, verification fails, even if an older one is valid.
            if action == .verify, !found.notes.isEmpty {
                throw Failure(.badData, found.notes.joined(separator: "\n"))
            }
            for note in found.notes { session.console.warn(note) }
            let checkpoint = found.checkpoint
            switch action {
            case .parameters:
                let table = try ParameterTable(checkpoint)
                return arguments.has("json") ? table.json.printedLine : table.text
            case .verify:
                try found.verify(progress: progress)
                return "\(checkpoint.directory): valid, step \(checkpoint.step), digest \(checkpoint.digest)"
            default:
                try found.verify(progress: progress)
                return checkpoint.digest
            }
        }
        session.console.say(lines)
        return .finished
    }
}

/// What `checkpoint` does.
private enum CheckpointAction: String, CaseIterable {
    case list
    case verify
    case digest
    case parameters
    case average
}

/// Averages the checkpoints that the positional arguments name, and returns a summary.
private func average(_ arguments: Arguments, _ console: Console) throws(Failure) -> String {
    let output = try arguments.required("output")
    return try CheckpointAverage(Array(arguments.positions.dropFirst())).write(to: output, try arguments.weights()) {
        console.draw("verifying: \(100 * $0 / max($1, 1)) %")
    }
}
