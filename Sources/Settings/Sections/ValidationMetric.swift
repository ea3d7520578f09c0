/// A number that an evaluation during training gives, by its name in `metrics.jsonl`.
package enum ValidationMetric: String, CaseIterable, Sendable {
    /// The mean loss over the targets, in nats where one of several is predicted.
    case loss = "validation_loss"
    /// The share of targets that are predicted right; of several labels, of sequences whose labels all are.
    case accuracy = "validation_accuracy"
    /// The harmonic mean of precision and recall, the mean over classes.
    case f1 = "validation_f1"
    /// The correlation of predicted and true numbers (Pearson).
    case correlation = "validation_correlation"

    /// Whether a higher value is better.
    package var isBetterHigher: Bool { self != .loss }

    /// Its name in a sentence.
    package var words: String { String(rawValue.map { $0 == "_" ? " " : $0 }) }
}
