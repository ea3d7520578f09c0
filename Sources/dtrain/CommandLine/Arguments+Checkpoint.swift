import Checkpoints
import Failures
import Reporting

extension Option {
    /// The option of commands that use a trained model.
    static let checkpoint = Option.one("checkpoint", .directory, "checkpoint, RUN (its newest) or RUN/best")
}

extension Arguments {
    /// Resolves `--checkpoint`, which names a checkpoint or a run, to the directory of a checkpoint. Called on rank 0.
    ///
    /// Prints a warning for each newer checkpoint of a run that is skipped as invalid.
    ///
    /// - Throws: As `Checkpoint.find`; `usage` if the option is missing.
    func checkpointDirectory(_ console: Console) throws(Failure) -> String {
        let found = try Checkpoint.find(try required("checkpoint"))
        for note in found.notes { console.warn(note) }
        return found.checkpoint.directory
    }
}
