import Datasets
import Glibc
import Objectives
import Reporting
import Settings

/// A classifier's prediction for a text or an image.
package enum LabelPrediction: Sendable {
    /// Every class and its probability, most probable first; the probabilities sum to 1.
    case classes([(label: String, probability: Double)])
    /// Every label and its independent probability, most probable first.
    case labels([(label: String, probability: Double)])
    /// A number (regression).
    case number(Double)

    /// The prediction that `logits` express, for the labels of the dataset with `facts`.
    init(_ logits: UnsafeBufferPointer<Float>, _ configuration: Configuration, _ facts: DatasetFacts) {
        self.init(logits, names: facts.labels?.names ?? [], configuration.loss.targetKind)
    }

    /// The prediction that `logits` express.
    ///
    /// - Parameter names: The names of the classes; a class without one is named by its index.
    init(_ logits: UnsafeBufferPointer<Float>, names: [String], _ kind: Loss.TargetKind) {
        func ranked(_ probabilities: [Double]) -> [(label: String, probability: Double)] {
            probabilities.indices
                .sorted { (-probabilities[$0], $0) < (-probabilities[$1], $1) }
                .map { ($0 < names.count ? names[$0] : "\($0)", probabilities[$0]) }
        }
        let values = logits.map(Double.init)
        switch kind {
        case .classIndex:
            let highest = values.max() ?? 0
            let powers = values.map { exp($0 - highest) }
            let sum = powers.reduce(0, +)
            self = .classes(ranked(powers.map { $0 / sum }))
        case .labels: self = .labels(ranked(values.map { 1 / (1 + exp(-$0)) }))
        case .numbers: self = .number(values.first ?? 0)
        }
    }

    /// The prediction as text: labels and probabilities, or a number.
    ///
    /// - Parameter all: Whether to include all; otherwise only the most probable class, or the labels with a
    ///   probability above 0.5.
    func text(all: Bool, separator: String) -> String {
        func lines(_ ranked: some Sequence<(label: String, probability: Double)>) -> String {
            ranked.map { "\($0.label)\t\(fixed($0.probability, 4))" }.joined(separator: separator)
        }
        switch self {
        case .classes(let ranked): return lines(ranked.prefix(all ? ranked.count : 1))
        case .labels(let ranked): return lines(ranked.filter { all || $0.probability > 0.5 })
        case .number(let number): return fixed(number, 4)
        }
    }
}
