import Datasets
import Failures
import Models
import Texts
import Tokenizers

/// A text of the validation split as a user would give it to the model.
package struct ValidationPrompt: Equatable, Sendable {
    /// The text that the model reads; it has the blank that a model of masked tokens or blanks needs.
    package let prompt: String
    /// The reference of a translation; nil for other models.
    package let target: String?

    /// The prompt as the input of a decoding.
    ///
    /// - Parameters:
    ///   - response: What the model generates: a continuation, a target or the filling of a blank.
    ///   - place: Where the tokenizer is from, for messages.
    /// - Throws: `badData` if the tokenizer lacks a special token.
    package func decodingInput(
        for response: Architecture.Response, _ tokenizer: any Tokenizer, of place: String
    ) throws(Failure) -> DecodingInput {
        switch response {
        case .target: try DecodingInput(translating: try tokenizer.encode(prompt), tokenizer, of: place)
        case .filledBlanks: try DecodingInput(filling: prompt, tokenizer, of: place)
        default: DecodingInput(text: try tokenizer.encode(prompt))
        }
    }
}

extension Dataset {
    /// Prompts from different places of the validation split.
    ///
    /// - Parameters:
    ///   - response: What the model makes of a prompt.
    ///   - count: The most prompts.
    ///   - limit: The most tokens of each; a longer text is cut.
    /// - Throws: `badData` for a damaged dataset or tokenizer.
    package func prompts(
        for response: Architecture.Response, count: Int, tokens limit: Int
    ) throws(Failure) -> [ValidationPrompt] {
        let tokenizer = try makeTokenizer()
        var prompts: [ValidationPrompt] = []
        if kind.columns.isEmpty {
            let stream = self.stream(.validation)
            for place in 0..<count where stream.tokenCount >= 2 * limit {
                let start = (stream.tokenCount - 2 * limit) * place / count
                var window = [Int32](repeating: 0, count: 2 * limit)
                try stream.read(at: start, count: window.count, into: &window)
                prompts.append(ValidationPrompt(prompt: Dataset.wholeWords(window, limit, tokenizer), target: nil))
            }
        } else {
            let records = try self.records(.validation)
            let places = min(count, records.count)
            for place in 0..<places {
                let record = records.count * place / places
                func text(_ column: RecordColumn) throws(Failure) -> String {
                    try records.text(record, column, tokenizer, limit: limit)
                }
                let isPair = response == .target
                let prompt = try text(isPair ? .source : .text)
                prompts.append(ValidationPrompt(prompt: prompt, target: isPair ? try text(.target) : nil))
            }
        }
        let hasBlanks = response == .maskedTokens || response == .filledBlanks
        return prompts.map {
            hasBlanks ? ValidationPrompt(prompt: Dataset.withBlank($0.prompt), target: nil) : $0
        }.filter { !$0.prompt.isEmpty }
    }

    /// The text of some tokens in the middle of a stream, from the first whole document or word on.
    private static func wholeWords(_ window: [Int32], _ limit: Int, _ tokenizer: any Tokenizer) -> String {
        let end = tokenizer.specialTokens.eos
        if let place = window.firstIndex(where: { $0 == end }), place < limit {
            let document = window[(place + 1)...].prefix(limit).prefix { $0 != end }
            if document.count > limit / 4 {
                return String(decoding: tokenizer.decode(Array(document)), as: UTF8.self)
            }
        }
        let text = String(decoding: tokenizer.decode(Array(window.prefix(limit))), as: UTF8.self)
        let scalars = text.unicodeScalars.drop { !$0.properties.isWhitespace }.drop { $0.properties.isWhitespace }
        return scalars.isEmpty ? text : String(scalars)
    }

    /// The text with a blank in place of its middle word, or of its middle letter if it is one word.
    static func withBlank(_ text: String) -> String {
        let words = text.exactParts(at: " ", omittingEmpty: true)
        if words.count > 2 {
            var words = words
            words[words.count / 2] = GapText.mark
            return words.joined(separator: " ")
        }
        let scalars = Array(text.unicodeScalars)
        func part(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }
        let middle = scalars.count / 2
        return part(0..<middle) + GapText.mark + (middle < scalars.count ? part(middle + 1..<scalars.count) : "")
    }
}
