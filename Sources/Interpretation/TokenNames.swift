import Texts
import Tokenizers

/// The names of a tokenizer's tokens for people and for files: one word without white space for each token.
package struct TokenNames: Sendable {
    private let names: [String]
    private let special: Set<Int32>

    /// The names of all tokens of `tokenizer`.
    ///
    /// A space becomes `▁`, as in SentencePiece, except before the words of a tokenizer that only has whole words; a
    /// special token is written as `<eos>`; bytes that are not UTF-8 become `<0xE2>`, and characters that are not shown
    /// `\u{A}`.
    package init(_ tokenizer: any Tokenizer) {
        let special = tokenizer.specialTokens
        // Tokens after a letter, so that none is at the start of a text.
        var middle = DecodingState()
        var letter: [UInt8] = []
        for token in (try? tokenizer.encode("a")) ?? [] {
            tokenizer.decode(token, after: &middle, appendingTo: &letter)
        }
        var names = (0..<Int32(tokenizer.vocabularySize)).map { token in
            var state = middle
            var bytes: [UInt8] = []
            tokenizer.decode(token, after: &state, appendingTo: &bytes)
            return TokenNames.name(of: bytes)
        }
        // Where every token is a whole word, the space before it tells nothing.
        if names.allSatisfy({ $0.isEmpty || $0.hasExactPrefix("▁") }) {
            names = names.map { $0.withoutExactPrefix("▁") ?? $0 }
        }
        for (name, token) in SpecialTokens.names {
            if let token = special[keyPath: token], names.indices.contains(Int(token)) {
                names[Int(token)] = "<\(name)>"
            }
        }
        self.names = names
        self.special = Set(special.all)
    }

    /// The name of `token`; a token without text, or outside the vocabulary, is named by its ID.
    package subscript(token: Int32) -> String {
        guard names.indices.contains(Int(token)), !names[Int(token)].isEmpty else { return "<\(token)>" }
        return names[Int(token)]
    }

    /// The number of tokens.
    package var count: Int { names.count }

    /// Whether `token` represents a text of its own: neither special nor empty.
    package func hasText(_ token: Int32) -> Bool {
        names.indices.contains(Int(token)) && !names[Int(token)].isEmpty && !special.contains(token)
    }

    private static func name(of bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return bytes.map { "<0x\(hexadecimal($0))>" }.joined()
        }
        var name = ""
        for scalar in text.unicodeScalars {
            if scalar == " " {
                name += "▁"
            } else if scalar.isUnprintable || scalar.properties.isWhitespace || PathText.byte(of: scalar) != nil
                || scalar.properties.isNoncharacterCodePoint
            {
                name += scalar.escape
            } else {
                name.unicodeScalars.append(scalar)
            }
        }
        return name
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
}
