import Checkpoints

/// Where the loss of a step usually lies, to tell one that jumps out of the row.
///
/// Mean and variance are moving averages over about a hundred steps. Their state is in the checkpoint: a training that is
/// resumed judges as if it had not been interrupted.
struct LossTrend {
    /// What the moving averages keep of themselves in a step.
    private static let decay = 0.99
    /// Steps before anything is judged.
    private static let least = 50

    private let limit: Double
    private(set) var state: CheckpointState.LossTrend

    /// A trend that calls a loss a spike above `limit` standard deviations over the mean.
    init(limit: Double, restored: CheckpointState.LossTrend? = nil) {
        self.limit = limit
        state = restored ?? CheckpointState.LossTrend(count: 0, mean: 0, variance: 0)
    }

    /// How many standard deviations a finite loss lies above the mean, where that makes it a spike. Any other enters the
    /// trend.
    mutating func spike(_ loss: Double) -> Double? {
        let difference = loss - state.mean
        if state.count >= LossTrend.least, difference > limit * state.variance.squareRoot() {
            return difference / state.variance.squareRoot()
        }
        // The first steps are averaged evenly.
        let share = max(1 - LossTrend.decay, 1 / Double(state.count + 1))
        state.mean += share * difference
        state.variance = (1 - share) * (state.variance + share * difference * difference)
        state.count += 1
        return nil
    }
}
