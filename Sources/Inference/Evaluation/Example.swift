import Files

/// A record of the validation split, and what a model made of it.
package struct Example: Equatable, Sendable {
    /// The name of the dataset in a mixture; nil without one.
    package var part: String?
    /// The index of the record in the split of its dataset.
    package var record: Int
    /// The text that the model read; nil for an image.
    package var input: String?
    /// What was expected, and what the model answered.
    package var reference: Answer
    package var prediction: Answer
    /// How good the prediction is, higher is better: the probability of the expected class, the negated distance of a
    /// number, the chrF of a translation.
    package var quality: Double
    /// The probability of the predicted class; nil for other predictions.
    package var probability: Double?

    /// An expected or a predicted answer.
    package enum Answer: Equatable, Sendable {
        /// A class or a text.
        case text(String)
        /// The labels of a text with any number of labels.
        case labels([String])
        case number(Double)
    }

    /// Whether the prediction is the expected one.
    package var isCorrect: Bool { prediction == reference }

    /// The example as a JSON object.
    package var json: JSON {
        var members = part.map { [JSON.Member("dataset", .string($0))] } ?? []
        members.append(.init("record", .integer(record)))
        if let input { members.append(.init("input", .string(input))) }
        members += [.init("reference", reference.json), .init("prediction", prediction.json)]
        if let probability {
            members += [.init("probability", .number(probability)), .init("reference_probability", .number(quality))]
        } else if case .text = reference {
            members.append(.init("chrf", .number(quality)))
        } else if case .number = reference {
            members.append(.init("error", .number(-quality)))
        }
        return .object(members)
    }
}

extension Example.Answer {
    fileprivate var json: JSON {
        switch self {
        case .text(let text): .string(text)
        case .labels(let labels): .array(labels.map { .string($0) })
        case .number(let number): .number(number)
        }
    }

    /// The answer as text.
    package var text: String {
        switch self {
        case .text(let text): text
        case .labels(let labels): labels.isEmpty ? "none" : labels.joined(separator: ", ")
        case .number(let number): "\(number)"
        }
    }
}

extension Sequence<Example> {
    /// The examples that are not correct, the worst first; ties in the order of records.
    package var errors: [Example] {
        filter { !$0.isCorrect }.sorted { ($0.quality, $0.record) < ($1.quality, $1.record) }
    }
}
