import Texts
import Failures
import Files

/// The retention policy for a run's checkpoints: the newest ones and the best ones are kept.
package struct Retention: Equatable, Sendable {
    /// The number of newest checkpoints to keep; at least one.
    package let keepLast: Int
    /// The number of best checkpoints to keep.
    package let keepBest: Int
    /// The metric that determines the best.
    private let metric: String
    private let isBetterHigher: Bool

    /// - Parameters:
    ///   - metric: The name of the watched metric that determines the best.
    ///   - isBetterHigher: Whether higher values are better.
    package init(
        keepLast: Int, keepBest: Int, metric: String = "validation_loss", isBetterHigher: Bool = false
    ) {
        precondition(keepLast >= 1 && keepBest >= 0, "The newest checkpoint is always kept.")
        self.metric = metric
        self.isBetterHigher = isBetterHigher
        self.keepLast = keepLast
        self.keepBest = keepBest
    }

    /// Removes the checkpoints that are neither among the newest nor among the best; called after a commit.
    ///
    /// Directories that `Checkpoint.open` rejects are not counted and never removed.
    ///
    /// - Parameter step: The step of the checkpoint just committed. It is kept even if there are later ones, which may
    ///   be damaged.
    /// - Returns: The names of the removed directories.
    @discardableResult
    package func apply(to run: RunDirectory, keeping step: Int? = nil) throws(Failure) -> [String] {
        let checkpoints = try Checkpoint.list(run).filter { !$0.name.hasExactPrefix(".") }.compactMap(\.checkpoint)
        let steps = removable(checkpoints.map { ($0.step, cost($0)) })
        var removed: [String] = []
        for superfluous in steps where superfluous != step {
            let name = CheckpointName.name(.committed, step: superfluous)
            // Renamed first, so that an interrupted removal does not look like a damaged checkpoint.
            let doomed = run.checkpoints + "/" + CheckpointName.name(.removing, step: superfluous)
            try FileSystem.remove(doomed)
            try FileSystem.rename(run.checkpoints + "/" + name, to: doomed)
            try FileSystem.remove(doomed)
            removed.append(name)
        }
        return removed
    }

    /// Returns the best of `checkpoints`, the newest in case of a tie; nil if none has a value of the metric.
    package func best(of checkpoints: [Checkpoint]) -> Checkpoint? {
        let measured = checkpoints.compactMap { checkpoint in cost(checkpoint).map { (checkpoint, $0) } }
        return measured.min { ($0.1, -$0.0.step) < ($1.1, -$1.0.step) }?.0
    }

    /// The checkpoint's value of the metric, negated if higher is better; nil if it was not measured.
    private func cost(_ checkpoint: Checkpoint) -> Double? {
        let watched = checkpoint.state.watched
        let value = watched?.name == metric ? watched?.value : nil
        return value.map { isBetterHigher ? -$0 : $0 }
    }

    /// Returns the steps that are neither among the newest nor among the best, in ascending order. Of equal losses the
    /// newer is better; a checkpoint without a loss is never among the best.
    func removable(_ checkpoints: [(step: Int, loss: Double?)]) -> [Int] {
        let newest = checkpoints.map(\.step).sorted().suffix(keepLast)
        let measured = checkpoints.compactMap { checkpoint in
            checkpoint.loss.map { (loss: $0, step: checkpoint.step) }
        }
        let best = measured.sorted { ($0.loss, -$0.step) < ($1.loss, -$1.step) }.prefix(keepBest).map(\.step)
        let kept = Set(newest).union(best)
        return checkpoints.map(\.step).filter { !kept.contains($0) }.sorted()
    }
}
