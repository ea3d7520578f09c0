import Glibc
import Metrics
import Settings

/// The scores of a model's predictions on a split; the same for any number of ranks.
package struct Scores: Sendable {
    /// The mean loss over targets, without label smoothing: in nats for classification losses, a squared error for
    /// regression.
    package let loss: Double
    /// The number of targets: tokens, sequences, or labels of sequences.
    package let targetCount: Int
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

    /// The scores of several parts of the data together.
    ///
    /// - Parameter parts: At least one, of the same kind.
    package init(of parts: [Scores]) {
        precondition(!parts.isEmpty, "scores of nothing")
        targetCount = parts.reduce(0) { $0 + $1.targetCount }
        let lossSum = parts.reduce(0) { $0 + $1.loss * Double($1.targetCount) }
        loss = lossSum / Double(targetCount)
        var counts: TokenCounts?, matrix: ConfusionMatrix?, labels: MultiLabelCounts?, sums: RegressionSums?
        func add<Counts>(_ more: Counts, to whole: inout Counts?, _ combine: (inout Counts, Counts) -> Void) {
            if whole == nil { whole = more } else { combine(&whole!, more) }
        }
        for part in parts {
            switch part.details {
            case .tokens(let scores): add(scores.counts, to: &counts) { $0 += $1 }
            case .classes(let more): add(more, to: &matrix) { $0 += $1 }
            case .labels(let more): add(more, to: &labels) { $0 += $1 }
            case .numbers(let more): add(more, to: &sums) { $0 += $1 }
            case .words: break
            }
        }
        details =
            counts.map { .tokens(TokenScores(lossSum: lossSum, $0)) } ?? matrix.map { .classes($0) }
            ?? labels.map { .labels($0) } ?? sums.map { .numbers($0) } ?? .words
    }

    /// The scores of one evaluation.
    init(loss: Double, targetCount: Int, details: Details) {
        (self.loss, self.targetCount, self.details) = (loss, targetCount, details)
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
