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
    /// The fraction of questions whose right choice has the highest log-probability per byte.
    case choiceAccuracy = "validation_choice_accuracy"
    /// The fraction of questions that are answered with an expected text.
    case exactMatch = "validation_exact_match"
    /// The F1 of the words of answers, averaged over questions.
    case tokenF1 = "validation_token_f1"

    /// The metrics of files of questions (`training.tasks`).
    package static let ofTasks: [ValidationMetric] = [.choiceAccuracy, .exactMatch, .tokenF1]

    /// Whether a higher value is better.
    package var isBetterHigher: Bool { self != .loss }

    /// The name as it is written in messages.
    package var words: String { "validation \(score)" }

    /// The name without the word "validation", where that goes without saying.
    package var score: String { String(rawValue.dropFirst("validation_".count).map { $0 == "_" ? " " : $0 }) }
}
