import Checkpoints

/// The trend of the loss, for detecting loss spikes.
///
/// Mean and variance are moving averages over about a hundred steps. A spike enters them clipped to the largest loss
/// that is not a spike, so that they slowly follow losses that stay high. After a number of consecutive spikes the new
/// level is accepted as normal, and the averages restart. Their state is stored in checkpoints, so that a resumed run
/// makes the same decisions as an uninterrupted one.
struct LossTrend {
    /// The decay of the moving averages per step.
    private static let decay = 0.99
    /// The number of losses before spikes are detected.
    private static let least = 50
    /// The number of consecutive spikes at which the new level is accepted.
    static let patience = 20

    private let limit: Double
    private(set) var state: CheckpointState.LossTrend

    /// Creates a trend that treats a loss of more than `limit` standard deviations above the mean as a spike.
    init(limit: Double, restored: CheckpointState.LossTrend? = nil) {
        self.limit = limit
        state = restored ?? CheckpointState.LossTrend(count: 0, mean: 0, variance: 0)
    }

    /// The classification of a loss by the losses before it.
    enum Judgement: Equatable {
        case usual
        /// A spike, this many standard deviations above the mean.
        case spike(deviations: Double)
        /// The loss level of recent spikes is accepted as normal from this step on.
        case newLevel
    }

    /// Classifies a finite loss and adds it to the averages.
    mutating func judge(_ loss: Double) -> Judgement {
        let deviation = state.variance.squareRoot()
        let difference = loss - state.mean
        guard state.count >= LossTrend.least, difference > limit * deviation else {
            state.spikesInARow = 0
            enter(loss)
            return .usual
        }
        state.spikesInARow += 1
        if state.spikesInARow >= LossTrend.patience {
            state = CheckpointState.LossTrend(count: 0, mean: 0, variance: 0)
            enter(loss)
            return .newLevel
        }
        enter(state.mean + limit * deviation)
        return .spike(deviations: difference / deviation)
    }

    private mutating func enter(_ loss: Double) {
        let difference = loss - state.mean
        // The first steps have equal weights.
        let share = max(1 - LossTrend.decay, 1 / Double(state.count + 1))
        state.mean += share * difference
        state.variance = (1 - share) * (state.variance + share * difference * difference)
        state.count += 1
    }
}
