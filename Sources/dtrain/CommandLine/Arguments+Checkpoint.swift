import Checkpoints
import Failures
import Reporting
import Training

extension Arguments {
    /// The directory of the checkpoint that `--checkpoint` names: a checkpoint itself, or a run's. Rank 0 calls it.
    ///
    /// Says on standard error why a newer checkpoint of a run was passed over.
    ///
    /// - Throws: As `Checkpoint.find`; `usage` where the option is missing.
    func checkpointDirectory(_ console: Console) throws(Failure) -> String {
        let found = try Checkpoint.find(try required("checkpoint"))
        for note in found.notes { console.warn(note) }
        return found.checkpoint.directory
    }
}
