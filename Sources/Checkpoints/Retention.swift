import Failures
import Files
import Texts

/// Which checkpoints of a run are kept: the newest ones, and, apart from them, the best ones.
package struct Retention: Equatable, Sendable {
    /// How many of the newest are kept; at least one.
    package let keepLast: Int
    /// How many of the best are kept.
    package let keepBest: Int
    /// What tells the best.
    private let metric: String
    private let isBetterHigher: Bool

    /// - Parameters:
    ///   - metric: The name of the watched metric that tells the best.
    ///   - isBetterHigher: Whether higher values of it are better.
    package init(
        keepLast: Int, keepBest: Int, metric: String = "validation_loss", isBetterHigher: Bool = false
    ) {
        precondition(keepLast >= 1 && keepBest >= 0, "The newest checkpoint is always kept.")
        self.metric = metric
        self.isBetterHigher = isBetterHigher
        self.keepLast = keepLast
        self.keepBest = keepBest
    }

    /// Removes the checkpoints that are among neither the newest nor the best; call it after a commit.
    ///
    /// Directories that do not pass the cheap checks do not count and are never removed.
    ///
    /// - Parameter step: That of the checkpoint just committed, which is kept though later ones are there: they may be damaged.
    /// - Returns: The names of the directories removed.
    @discardableResult
    package func apply(to run: RunDirectory, keeping step: Int? = nil) throws(Failure) -> [String] {
        let checkpoints = try Checkpoint.list(run).filter { !$0.name.hasExactPrefix(".") }.compactMap(\.checkpoint)
        let steps = removable(checkpoints.map { ($0.step, cost($0)) })
        var removed: [String] = []
        for superfluous in steps where superfluous != step {
            let name = CheckpointName.name(.committed, step: superfluous)
            // Under another name first: a removal cut short must not look like a damaged checkpoint.
            let doomed = run.checkpoints + "/" + CheckpointName.name(.removing, step: superfluous)
            try FileSystem.remove(doomed)
            try FileSystem.rename(run.checkpoints + "/" + name, to: doomed)
            try FileSystem.remove(doomed)
            removed.append(name)
        }
        return removed
    }

    /// The best of `checkpoints`, of equal ones the newest; nil where the metric was measured at none of them.
    package func best(of checkpoints: [Checkpoint]) -> Checkpoint? {
        let measured = checkpoints.compactMap { checkpoint in cost(checkpoint).map { (checkpoint, $0) } }
        return measured.min { ($0.1, -$0.0.step) < ($1.1, -$1.0.step) }?.0
    }

    /// The metric of a checkpoint, lower for better ones; nil where it was not measured.
    private func cost(_ checkpoint: Checkpoint) -> Double? {
        let watched = checkpoint.state.watched
        let value = watched?.name == metric ? watched?.value : nil
        return value.map { isBetterHigher ? -$0 : $0 }
    }

    /// The steps that are kept by neither rule, in ascending order. Of equal losses the newer is better; a checkpoint
    /// without a loss is never among the best.
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
