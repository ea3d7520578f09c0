import Metrics
import Reporting
import Settings

extension Scores {
    /// The metrics that are watched during training, as one line.
    package func summary() -> String { "validation \(metricsText(named))" }

    /// All scores as text, with tables for classes.
    ///
    /// - Parameter names: The names of the classes.
    package func report(names: [String]) -> String {
        switch details {
        case .tokens(let scores):
            return "validation loss \(fixed(loss, 4)), perplexity \(fixed(scores.perplexity, 3)), "
                + (scores.bitsPerByte.map { "\(fixed($0, 4)) bits per byte, " } ?? "")
                + "token accuracy \(fixed(100 * scores.accuracy, 2)) %"
        case .classes(let matrix):
            return summary() + "\n" + ClassificationTable.scores(matrix, names: names) + "\n"
                + ClassificationTable.confusion(matrix, names: names)
        case .words: return summary()
        case .labels(let counts): return summary() + "\n" + ClassificationTable.scores(counts, names: names)
        case .numbers(let sums):
            return "validation mean squared error \(fixed(sums.meanSquaredError, 6)), correlation "
                + fixed(sums.correlation, 4)
        }
    }
}

/// The names and values of metrics, separated by commas.
///
/// - Parameter isUnsmoothed: Whether to state that the loss has no label smoothing, unlike the training loss.
package func metricsText(
    _ metrics: [(metric: ValidationMetric, value: Double)], isUnsmoothed: Bool = false
) -> String {
    metrics.map { metric, value in
        "\(metric.score)\(metric == .loss && isUnsmoothed ? " (unsmoothed)" : "") \(fixed(value, 4))"
    }.joined(separator: ", ")
}
