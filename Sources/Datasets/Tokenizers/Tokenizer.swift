import Failures

/// Turns text into tokens and back.
///
/// Encoding is incremental and keeps no state: a tokenizer takes as many leading bytes as it can be sure of, and the
/// caller presents the rest again in front of what follows. The tokens therefore never depend on how a text was cut.
package protocol Tokenizer: Sendable {
    /// What a manifest says of the tokenizer; `makeTokenizer` makes it again from that.
    var description: TokenizerDescription { get }

    /// The number of distinct tokens, special ones included; every token is in 0..<vocabularySize.
    var vocabularySize: Int { get }

    /// Appends to `tokens` those of a prefix of `bytes`. Text never becomes a special token, but for `unknown`.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, which may end within a character.
    ///   - isLast: Whether the text ends with `bytes`; then all of it is taken.
    ///   - previous: The byte before them, which was the last that was taken; nil at the start of the text.
    ///   - tokens: Where the tokens go.
    /// - Returns: The length of the prefix that was taken.
    /// - Throws: `usage` for text that the tokenizer has no tokens for.
    func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int

    /// Appends to `bytes` those that `token` stands for: none for a special token, U+FFFD for one outside the vocabulary.
    ///
    /// The bytes of a few tokens need not be whole characters.
    ///
    /// - Parameter state: What the tokens before it left, made new for the first token of a text.
    func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8])
}

/// What the decoding of a token has to know of those before it.
package struct DecodingState: Sendable {
    /// Whether nothing has been decoded since the start of the text or its last line break.
    var startsLine = true

    /// The state before the first token.
    package init() {}
}

extension Tokenizer {
    /// The same for the start of a text.
    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        try encode(bytes, isLast: isLast, after: nil, appendingTo: &tokens)
    }

    /// The tokens of the whole of `text`.
    package func encode(_ text: String) throws(Failure) -> [Int32] {
        var tokens: [Int32] = []
        _ = try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
            try encode(UnsafeRawBufferPointer(bytes), isLast: true, appendingTo: &tokens)
        }
        return tokens
    }

    /// The bytes of the text that `tokens` are the whole of.
    package func decode(_ tokens: [Int32]) -> [UInt8] {
        var state = DecodingState()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tokens.count)
        for token in tokens { decode(token, after: &state, appendingTo: &bytes) }
        return bytes
    }

    /// The bytes of text that each token stands for in the middle of a line, shape [vocabularySize].
    package func byteCounts() -> [Int32] {
        (0..<Int32(vocabularySize)).map { token in
            var state = DecodingState()
            state.startsLine = false
            var bytes: [UInt8] = []
            decode(token, after: &state, appendingTo: &bytes)
            return Int32(bytes.count)
        }
    }

    /// The tokens that stand for no text, in ascending order: special tokens, and whatever else decodes to no byte.
    package func tokensWithoutText() -> [Int32] {
        let special = Set(specialTokens.all)
        return byteCounts().enumerated().map { (token: Int32($0), bytes: $1) }
            .filter { $0.bytes == 0 || special.contains($0.token) }.map(\.token)
    }

    /// The special tokens.
    package var specialTokens: SpecialTokens { description.specialTokens }
}

/// The bytes of U+FFFD, which stand for what has no text.
let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]
