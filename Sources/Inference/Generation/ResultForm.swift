import Files
import Models
import Reporting

/// The form in which results are written, one line each.
package struct ResultForm: Equatable, Sendable {
    /// The kinds of lines.
    package enum Kind: Equatable, Sendable {
        /// The text; its line breaks become spaces.
        case text
        /// A JSON object with the whole result, `{"text": …}`; see `PromptFile`.
        case textObject
        /// A JSON object with the prompt, the text after it, the generated tokens and their log-probability; for a
        /// classifier, the classes and their probabilities.
        case object
    }

    package var kind = Kind.text
    /// Whether the log-probability and a tab precede a text.
    package var precedesWithScore = false

    /// The form of plain texts.
    package init() {}

    /// Whether results have a log-probability.
    var hasScores: Bool { kind == .object || precedesWithScore }

    /// Whether a decoder stops at a line break.
    var isOneLine: Bool { kind == .text }

    /// A result as a line, without line end. Invalid UTF-8 is replaced by U+FFFD, as in the output of `--prompt`.
    func line(of answer: Generation.Answer, to prompt: String) -> String {
        switch kind {
        case .text:
            let isLineBreak = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
            let text = WholeCharacters.text(of: answer.bytes.map { isLineBreak($0) ? UInt8(ascii: " ") : $0 })
            guard precedesWithScore, let output = answer.output else { return text }
            return "\(fixed(output.logProbability, 4))\t\(text)"
        case .textObject:
            return JSON.object([.init("text", .string(WholeCharacters.text(of: answer.bytes)))]).line
        case .object:
            return object(of: answer, to: prompt).line
        }
    }

    private func object(of answer: Generation.Answer, to prompt: String) -> JSON {
        var members: [JSON.Member] = [.init("prompt", .string(prompt))]
        if let prediction = answer.prediction { return .object(members + [prediction.member]) }
        members.append(.init("text", .string(WholeCharacters.text(of: answer.text))))
        if let output = answer.output {
            members.append(.init("tokens", .array(output.tokens.map { .integer(Int($0)) })))
            members.append(.init("log_probability", .number(output.logProbability)))
        }
        return .object(members)
    }
}

extension LabelPrediction {
    /// The prediction as a member of a JSON object: all classes or labels with their probabilities, or a number.
    package var member: JSON.Member {
        func array(_ ranked: [(label: String, probability: Double)]) -> JSON {
            .array(ranked.map { ["label": .string($0.label), "probability": .number($0.probability)] })
        }
        return switch self {
        case .classes(let ranked): .init("classes", array(ranked))
        case .labels(let ranked): .init("labels", array(ranked))
        case .number(let number): .init("number", .number(number))
        }
    }
}
