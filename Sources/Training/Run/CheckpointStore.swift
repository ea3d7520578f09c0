import Checkpoints
import Failures
import Files
import Settings

/// Commits the checkpoints of a run and removes those that are no longer kept.
struct CheckpointStore {
    private let run: RunDirectory
    private let identity: RunIdentity
    private let retention: Retention

    /// Creates the store of `run`.
    init(_ run: RunDirectory, _ identity: RunIdentity) {
        self.run = run
        self.identity = identity
        let training = identity.configuration.training
        retention = Retention(
            keepLast: training.keepLast, keepBest: training.keepBest, metric: training.metric.rawValue,
            isBetterHigher: training.metric.isBetterHigher)
    }

    /// Commits a checkpoint, then removes checkpoints that are neither among the newest nor among the best. May be
    /// called on any thread, but not concurrently.
    ///
    /// - Parameter logs: The logs of the run, which are synchronized to disk before the checkpoint is committed, so
    ///   that the steps before it are at least as durable as the checkpoint.
    /// - Throws: `inputOutput` if writing fails; earlier checkpoints are unchanged then.
    func commit(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])], after logs: [AppendOnlyFile]
    ) throws(Failure) -> CheckpointWriter.Written {
        for log in logs { try log.synchronize() }
        let checkpoint = try Checkpoint.commit(
            run: run, state: state, program: programVersion, identity: identity.json,
            tokenizerModel: identity.tokenizerModel, files: files,
            isPrivate: identity.configuration.training.privateCheckpoints)
        var notes: [String] = []
        do throws(Failure) {
            try retention.apply(to: run, keeping: state.step)
        } catch {
            notes.append("old checkpoints were not removed: \(error.message)")
        }
        do throws(Failure) {
            try markBest()
        } catch {
            notes.append("the best checkpoint was not marked: \(error.message)")
        }
        return .init(
            checkpoint,
            note: notes.isEmpty ? nil : "step \(state.step) is saved, but \(notes.joined(separator: "\nFurther, "))")
    }

    /// Updates the run's marker `best`.
    ///
    /// - Returns: The best of the checkpoints that are kept.
    @discardableResult
    func markBest() throws(Failure) -> Checkpoint? { try run.markBest(retention) }
}
