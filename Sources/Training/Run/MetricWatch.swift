import Checkpoints
import Failures
import Reporting
import Settings

/// Tracks the metric that selects the best checkpoints and triggers early stopping.
///
/// Its state is stored in checkpoints, so that a resumed run makes the same decisions as an uninterrupted one.
struct MetricWatch {
    let metric: ValidationMetric
    private let patience: Int
    private let minimumChange: Double
    private(set) var state: CheckpointState.Watched

    /// Creates a watch for the metric of `configuration`.
    ///
    /// - Parameter restored: The state in a checkpoint; ignored if it is for another metric.
    init(_ configuration: TrainingConfiguration, restored: CheckpointState.Watched?) {
        metric = configuration.metric
        patience = configuration.patience
        minimumChange = configuration.minDelta
        state = CheckpointState.Watched(name: metric.rawValue)
        if let restored, restored.name == metric.rawValue { state = restored }
    }

    /// Clears the value of the previous step.
    mutating func beginStep() { state.value = nil }

    /// Records the result of an evaluation at `step`.
    ///
    /// - Returns: Whether it is the best so far.
    package mutating func note(_ value: Double, step: Int) -> Bool {
        state.value = value
        if improves(value, on: state.reference, by: minimumChange) {
            state.reference = value
            state.evaluationsWithoutImprovement = 0
        } else {
            state.evaluationsWithoutImprovement += 1
        }
        guard improves(value, on: state.best, by: 0) else { return false }
        (state.best, state.bestStep) = (value, step)
        return true
    }

    /// Whether early stopping is triggered.
    var hasRunOut: Bool { patience > 0 && state.evaluationsWithoutImprovement >= patience }

    /// The reason for early stopping, for messages.
    var reason: String {
        let count = state.evaluationsWithoutImprovement
        let best = state.reference.map { " on \(fixed($0, 4))" } ?? ""
        return "\(metric.words) has not improved\(best) for \(counted(count, "evaluation"))"
    }

    /// Whether `value` is better than `other` by more than `change`. A NaN or infinite value never is.
    private func improves(_ value: Double, on other: Double?, by change: Double) -> Bool {
        guard value.isFinite, let other else { return value.isFinite }
        return metric.isBetterHigher ? value > other + change : value < other - change
    }
}
