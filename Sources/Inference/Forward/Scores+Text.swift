import Metrics
import Reporting

extension Scores {
    /// The scores in a line: what is watched while training.
    ///
    /// - Parameter isUnsmoothed: Whether to say that the loss is without the smoothing of the training's.
    package func summary(isUnsmoothed: Bool = false) -> String {
        "validation "
            + named.map { metric, value in
                let remark = metric == .loss && isUnsmoothed ? " (unsmoothed)" : ""
                return "\(metric.words.dropFirst(11))\(remark) \(fixed(value, 4))"
            }.joined(separator: ", ")
    }

    /// All that an evaluation tells, a line each, with a table where there are classes.
    ///
    /// - Parameter names: Of the classes.
    package func report(names: [String]) -> String {
        switch details {
        case .tokens(let scores):
            return "validation loss \(fixed(loss, 4)), perplexity \(fixed(scores.perplexity, 3)), "
                + (scores.bitsPerByte.map { "\(fixed($0, 4)) bits a byte, " } ?? "")
                + "token accuracy \(fixed(100 * scores.accuracy, 2)) %"
        case .classes(let matrix):
            return summary() + "\n" + ClassificationTable.scores(matrix, names: names) + "\n"
                + ClassificationTable.confusion(matrix, names: names)
        case .labels(let counts): return summary() + "\n" + ClassificationTable.scores(counts, names: names)
        case .numbers(let sums):
            return "validation mean squared error \(fixed(sums.meanSquaredError, 6)), correlation "
                + fixed(sums.correlation, 4)
        }
    }
}
