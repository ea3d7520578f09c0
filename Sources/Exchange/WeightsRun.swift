import Checkpoints
import Failures
import Files
import Inference
import Settings
import Texts

/// A run directory that a command other than `train` creates, with one checkpoint of weights alone: it can be
/// evaluated, used for generation, exported and fine-tuned, but not resumed.
struct WeightsRun {
    /// The name of the command, such as "import".
    let command: String
    /// The directory to create.
    let output: String

    /// Commits a checkpoint of `weights` at step `step`.
    ///
    /// - Parameters:
    ///   - identity: The identity of the checkpoint; its configuration records the directory.
    ///   - weights: Returns the weights, in the type that the configuration names; called once the directory is
    ///     claimed.
    /// - Throws: `usage` if the directory contains a run; `inputOutput` if writing fails; any error of `weights`.
    func commit(
        step: Int = 0, _ identity: RunIdentity, _ weights: () throws(Failure) -> [TensorSource]
    ) throws(Failure) -> Checkpoint {
        let run = RunDirectory(output)
        let claimed = try claim(run)
        let checkpoint: Checkpoint
        do throws(Failure) {
            let weights = try weights()
            try run.create()
            let identity = identity.moved(to: run)
            try FileSystem.replaceContents(
                of: run.configuration, with: identity.configuration.resolvedYAML, followingLinks: false)
            checkpoint = try Checkpoint.commit(
                run: run, state: CheckpointState(step: step, consumedSamples: 0), program: programVersion,
                identity: identity.json, tokenizerModel: identity.tokenizerModel, files: [(modelFileName, weights)])
        } catch {
            // The original error matters more than one of the cleanup.
            try? claimed.discard()
            throw error
        }
        try claimed.complete()
        return checkpoint
    }

    /// Claims the run directory, and removes the remains of an interrupted command.
    private func claim(_ run: RunDirectory) throws(Failure) -> OutputDirectory {
        let own = [run.checkpoints, run.configuration].map {
            String(decoding: $0.utf8.dropFirst(run.path.utf8.count + 1), as: UTF8.self)
        }
        let used = [run.metrics, run.lockFile]
        return try OutputDirectory(
            claiming: run.path,
            .init(
                markerName: "\(command.exactParts(at: " ").last!).incomplete", command: "dtrain \(command)",
                // If a run was trained in the directory since then, its files are not remains of the command.
                isLeftover: { own.contains($0) && !used.contains(where: FileSystem.exists) },
                check: { [command] names throws(Failure) in
                    for path in [run.checkpoints, run.configuration, run.metrics] {
                        guard try FileSystem.isPresent(path) else { continue }
                        throw Failure(
                            .usage, "\(command): --output: \(run.path) already holds a run. Choose a new directory.")
                    }
                    try OutputDirectory.refuse(names, in: run.path, command)
                }))
    }
}
