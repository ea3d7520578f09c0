import Glibc
import Metrics
import Settings

/// What a model's predictions on a split are worth, exact over ranks.
package struct Scores: Sendable {
    /// The mean loss over targets, without smoothing: nats of what is one of several, a squared difference of numbers.
    package let loss: Double
    /// The targets: tokens, sequences, or labels of sequences.
    package var targetCount = 0
    /// What the predictions are compared in.
    package let details: Details

    /// What the predictions are compared in.
    package enum Details: Sendable {
        /// Tokens.
        case tokens(TokenScores)
        /// One class of each sequence.
        case classes(ConfusionMatrix)
        /// Any number of labels of each sequence.
        case labels(MultiLabelCounts)
        /// A number of each sequence.
        case numbers(RegressionSums)
    }

    /// The scores by their names; the loss comes first.
    package var named: [(metric: ValidationMetric, value: Double)] {
        let others: [(metric: ValidationMetric, value: Double)] =
            switch details {
            case .tokens(let scores): [(.accuracy, scores.accuracy)]
            case .classes(let matrix): [(.accuracy, matrix.accuracy), (.f1, matrix.macroAverage.f1)]
            case .labels(let counts): [(.accuracy, counts.subsetAccuracy), (.f1, counts.macroAverage.f1)]
            case .numbers(let sums): [(.correlation, sums.correlation)]
            }
        return [(.loss, loss)] + others
    }
}
