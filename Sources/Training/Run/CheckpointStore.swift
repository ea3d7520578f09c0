import Checkpoints
import Failures
import Settings

/// Where a run's checkpoints go, and which of them stay.
struct CheckpointStore {
    private let run: RunDirectory
    private let identity: RunIdentity
    private let retention: Retention

    /// The checkpoints of `run`.
    init(_ run: RunDirectory, _ identity: RunIdentity) {
        self.run = run
        self.identity = identity
        let training = identity.configuration.training
        retention = Retention(
            keepLast: training.keepLast, keepBest: training.keepBest, metric: training.metric.rawValue,
            isBetterHigher: training.metric.isBetterHigher)
    }

    /// Commits a checkpoint, and then lets those go that are among neither the newest nor the best. Any thread may call
    /// it, one at a time.
    ///
    /// - Parameter metrics: Where the lines of its steps are written; they are on the disk before it is committed.
    /// - Throws: `inputOutput` where the disk does not take it; those before it are untouched then.
    func commit(
        _ state: CheckpointState, _ files: [(name: String, tensors: [TensorSource])], after metrics: MetricsLog
    ) throws(Failure) -> CheckpointWriter.Written {
        try metrics.synchronize()
        let checkpoint = try Checkpoint.commit(
            run: run, state: state, program: programVersion, identity: identity.json,
            tokenizerModel: identity.tokenizerModel, files: files,
            isPrivate: identity.configuration.training.privateCheckpoints)
        do throws(Failure) {
            try retention.apply(to: run, keeping: state.step)
            try markBest()
        } catch {
            return .init(
                checkpoint,
                note: "step \(state.step) is saved, but what it makes superfluous is not removed: \(error.message)")
        }
        return .init(checkpoint)
    }

    /// Brings the run's marker `best` up to date.
    ///
    /// - Returns: The best of the checkpoints that are kept.
    @discardableResult
    func markBest() throws(Failure) -> Checkpoint? { try run.markBest(retention) }
}
