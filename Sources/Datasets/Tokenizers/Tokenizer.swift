import Failures

/// Turns text into tokens and back.
///
/// Encoding is incremental and keeps no state: a tokenizer takes as many leading bytes as it can be sure of, and the
/// caller presents the rest again in front of what follows. The tokens therefore never depend on how a text was cut.
package protocol Tokenizer: Sendable {
    /// What a manifest says of the tokenizer; `makeTokenizer` makes it again from that.
    var description: TokenizerDescription { get }

    /// The number of distinct tokens; every token is in 0..<vocabularySize.
    var vocabularySize: Int { get }

    /// Appends to `tokens` those of a prefix of `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, which may end within a character.
    ///   - isLast: Whether the text ends with `bytes`; then all of it is taken.
    ///   - tokens: Where the tokens go.
    /// - Returns: The length of the prefix that was taken.
    /// - Throws: `usage` for text that the tokenizer has no tokens for.
    func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int

    /// The bytes that `tokens` stand for; U+FFFD for a token outside the vocabulary.
    ///
    /// The bytes of a few tokens need not be whole characters.
    func decode(_ tokens: [Int32]) -> [UInt8]
}

extension Tokenizer {
    /// The tokens of the whole of `text`.
    package func encode(_ text: String) throws(Failure) -> [Int32] {
        var tokens: [Int32] = []
        _ = try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
            try encode(UnsafeRawBufferPointer(bytes), isLast: true, appendingTo: &tokens)
        }
        return tokens
    }
}

/// The bytes of U+FFFD, which stand for what has no text.
let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]
