import Glibc
import Metrics
import Settings

/// The scores of a model's predictions on a split; the same for any number of ranks.
package struct Scores: Sendable {
    /// The mean loss over targets, without label smoothing: in nats for classification losses, a squared error for
    /// regression.
    package let loss: Double
    /// The number of targets: tokens, sequences, or labels of sequences.
    package var targetCount = 0
    /// The metrics of the kind of prediction.
    package let details: Details

    /// The metrics of a kind of prediction.
    package enum Details: Sendable {
        /// Tokens.
        case tokens(TokenScores)
        /// One class per sequence.
        case classes(ConfusionMatrix)
        /// Any number of labels per sequence.
        case labels(MultiLabelCounts)
        /// One number per sequence.
        case numbers(RegressionSums)
        /// Words among words of noise, for word vectors.
        case words
    }

    /// The named metrics; the loss is the first.
    package var named: [(metric: ValidationMetric, value: Double)] {
        let others: [(metric: ValidationMetric, value: Double)] =
            switch details {
            case .tokens(let scores): [(.accuracy, scores.accuracy)]
            case .classes(let matrix): [(.accuracy, matrix.accuracy), (.f1, matrix.macroAverage.f1)]
            case .labels(let counts): [(.accuracy, counts.subsetAccuracy), (.f1, counts.macroAverage.f1)]
            case .numbers(let sums): [(.correlation, sums.correlation)]
            case .words: []
            }
        return [(.loss, loss)] + others
    }
}
