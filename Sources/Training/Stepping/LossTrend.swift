import Checkpoints

/// The usual loss of a step, to recognize a step whose loss is a spike.
///
/// Mean and variance are moving averages over about a hundred steps. A spike enters them as the largest loss that is
/// none, so that they follow losses that stay high, however slowly; and after a number of spikes in a row these are the
/// new usual losses, and the averages begin anew. Their state is in the checkpoint: a training that is resumed judges as
/// if it had not been interrupted.
struct LossTrend {
    /// The share of the moving averages that a step keeps.
    private static let decay = 0.99
    /// The losses that enter before any is judged.
    private static let least = 50
    /// The spike in a row that is accepted as the new level.
    static let patience = 20

    private let limit: Double
    private(set) var state: CheckpointState.LossTrend

    /// A trend that calls a loss a spike above `limit` standard deviations over the mean.
    init(limit: Double, restored: CheckpointState.LossTrend? = nil) {
        self.limit = limit
        state = restored ?? CheckpointState.LossTrend(count: 0, mean: 0, variance: 0)
    }

    /// What a loss is beside those before it.
    enum Judgement: Equatable {
        case usual
        /// So many standard deviations above the mean.
        case spike(deviations: Double)
        /// The losses have stayed so high that they are taken for the usual ones from here on.
        case newLevel
    }

    /// Judges a finite loss and takes it into account.
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
        // The first steps are averaged evenly.
        let share = max(1 - LossTrend.decay, 1 / Double(state.count + 1))
        state.mean += share * difference
        state.variance = (1 - share) * (state.variance + share * difference * difference)
        state.count += 1
    }
}
