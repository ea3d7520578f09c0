/// A metric of the evaluations during training; its raw value is its name in `metrics.jsonl`.
package enum ValidationMetric: String, CaseIterable, Sendable {
    /// The mean loss over targets, in nats for classification losses.
    case loss = "validation_loss"
    /// The fraction of correct targets; for multi-label classification, of sequences with all labels correct.
    case accuracy = "validation_accuracy"
    /// The harmonic mean of precision and recall, averaged over classes.
    case f1 = "validation_f1"
    /// The Pearson correlation of predicted and true values.
    case correlation = "validation_correlation"

    /// Whether a higher value is better.
    package var isBetterHigher: Bool { self != .loss }

    /// The name as it is written in messages.
    package var words: String { String(rawValue.map { $0 == "_" ? " " : $0 }) }
}
