import Checkpoints
import Reporting
import Settings

/// Follows the metric that decides which checkpoints are the best, and when a training stops early.
///
/// Its state is in the checkpoint: a training that is resumed decides as if it had not been interrupted.
struct MetricWatch {
    let metric: ValidationMetric
    private let patience: Int
    private let minimumChange: Double
    private(set) var state: CheckpointState.Watched

    /// A watch as `configuration` asks for it.
    ///
    /// - Parameter restored: What a checkpoint says of it; of another metric it says nothing.
    init(_ configuration: TrainingConfiguration, restored: CheckpointState.Watched?) {
        metric = configuration.metric
        patience = configuration.patience
        minimumChange = configuration.minDelta
        state = CheckpointState.Watched(name: metric.rawValue)
        if let restored, restored.name == metric.rawValue { state = restored }
    }

    /// Forgets the value of a step that is over.
    mutating func beginStep() { state.value = nil }

    /// Takes note of an evaluation at `step`.
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

    /// Whether the patience is at its end.
    var hasRunOut: Bool { patience > 0 && state.evaluationsWithoutImprovement >= patience }

    /// Why the training stops, for a person.
    var reason: String {
        let count = state.evaluationsWithoutImprovement
        let best = state.reference.map { " on \(fixed($0, 4))" } ?? ""
        return "\(metric.words) has not improved\(best) for \(count) evaluation\(count == 1 ? "" : "s")"
    }

    /// Whether `value` is better than `other` by more than `change`. What is not a number never is.
    private func improves(_ value: Double, on other: Double?, by change: Double) -> Bool {
        guard value.isFinite, let other else { return value.isFinite }
        return metric.isBetterHigher ? value > other + change : value < other - change
    }
}
