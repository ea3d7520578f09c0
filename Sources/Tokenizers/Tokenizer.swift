import Failures

/// Converts text to tokens and back.
///
/// Encoding is incremental and stateless: a tokenizer encodes as many leading bytes as it can without the bytes that
/// follow, and the caller passes the remaining bytes again, followed by new ones. The tokens therefore never depend on
/// how a text was divided into chunks.
package protocol Tokenizer: Sendable {
    /// The description in a manifest, from which `makeTokenizer` recreates the tokenizer.
    var description: TokenizerDescription { get }

    /// The number of distinct tokens, including special ones; every token is in 0..<vocabularySize.
    var vocabularySize: Int { get }

    /// The bytes from which `makeTokenizer` recreates the tokenizer; empty if it has none.
    var model: [UInt8] { get }

    /// Appends the tokens of a prefix of `bytes` to `tokens`. Text never becomes a special token other than `unknown`.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, which may end within a character.
    ///   - isLast: Whether the text ends with `bytes`; if so, all of it is encoded.
    ///   - previous: The byte before `bytes`, which was the last to be encoded; nil at the start of the text.
    ///   - tokens: The destination.
    /// - Returns: The length of the encoded prefix in bytes.
    /// - Throws: `usage` if the text has no representation as tokens.
    func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int

    /// The length of the prefix of `bytes` that `encode` takes, with the same arguments and `isLast` false.
    ///
    /// Texts are cut with it into chunks that several threads encode. A tokenizer that can tell without encoding
    /// implements it; otherwise the text is encoded twice.
    func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) throws(Failure) -> Int

    /// Appends the text of `token` to `bytes`: nothing for a special token, U+FFFD for an ID outside the vocabulary.
    ///
    /// The result may contain incomplete UTF-8 characters until further tokens are decoded.
    ///
    /// - Parameter state: The decoding state carried over from earlier tokens; start with a new one for each text.
    func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8])

    /// Encodes the whole of a UTF-8 text.
    ///
    /// - Parameter withSpecial: Whether a `tokenizer.json` finds special tokens in the text and adds those around it.
    func encode(_ text: [UInt8], withSpecial: Bool) throws(Failure) -> [Int32]

    /// The parts of a text in which the names of special tokens stand for these, in order; see `encodeMarked`.
    func markedParts(_ text: [UInt8]) throws(Failure) -> [MarkedPart]

    /// The text that stands for a special token in a marked text: its name in the tokenizer's file, otherwise its name
    /// in a manifest in angle brackets.
    func name(ofSpecial token: Int32) -> [UInt8]

    /// Decodes all tokens of a text to UTF-8.
    ///
    /// - Parameter keepsSpecial: Whether special tokens become their names; otherwise they have no text.
    func decode(_ tokens: [Int32], keepsSpecial: Bool) -> [UInt8]
}

/// The state of decoding that depends on earlier tokens.
package struct DecodingState: Sendable {
    /// Whether nothing has been decoded since the start of the text or the last line break.
    var startsLine = true

    /// The state before the first token.
    package init() {}
}

extension Tokenizer {
    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) throws(Failure) -> Int {
        var tokens: [Int32] = []
        return try encode(bytes, isLast: false, after: previous, appendingTo: &tokens)
    }

    /// Appends the tokens of a prefix of a text to `tokens`, as `encode` at the start of a text.
    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        try encode(bytes, isLast: isLast, after: nil, appendingTo: &tokens)
    }

    /// Encodes the whole of `text`.
    package func encode(_ text: String) throws(Failure) -> [Int32] {
        try encode(Array(text.utf8), withSpecial: false)
    }

    package var model: [UInt8] { [] }

    package func encode(_ text: [UInt8], withSpecial: Bool) throws(Failure) -> [Int32] {
        var tokens: [Int32] = []
        _ = try text.withUnsafeBufferPointer { bytes throws(Failure) in
            try encode(UnsafeRawBufferPointer(bytes), isLast: true, appendingTo: &tokens)
        }
        return tokens
    }

    package func decode(_ tokens: [Int32], keepsSpecial: Bool) -> [UInt8] {
        let special = specialTokens
        var (state, bytes): (DecodingState, [UInt8]) = (DecodingState(), [])
        bytes.reserveCapacity(tokens.count)
        for token in tokens {
            if keepsSpecial, let name = SpecialTokens.names.first(where: { special[keyPath: $0.token] == token })?.name
            {
                bytes += "<\(name)>".utf8
            } else {
                decode(token, after: &state, appendingTo: &bytes)
            }
        }
        return bytes
    }

    /// Decodes all tokens of a text to UTF-8; special tokens have no text.
    package func decode(_ tokens: [Int32]) -> [UInt8] { decode(tokens, keepsSpecial: false) }

    /// The number of bytes that each token decodes to in the middle of a line, shape [vocabularySize].
    package func byteCounts() -> [Int32] {
        (0..<Int32(vocabularySize)).map { token in
            var state = DecodingState()
            state.startsLine = false
            var bytes: [UInt8] = []
            decode(token, after: &state, appendingTo: &bytes)
            return Int32(bytes.count)
        }
    }

    /// The IDs of tokens without text, in ascending order: special tokens, and other tokens that decode to nothing.
    package func tokensWithoutText() -> [Int32] {
        let special = Set(specialTokens.all)
        return byteCounts().enumerated().map { (token: Int32($0), bytes: $1) }
            .filter { $0.bytes == 0 || special.contains($0.token) }.map(\.token)
    }

    /// The special tokens.
    package var specialTokens: SpecialTokens { description.specialTokens }
}

/// U+FFFD in UTF-8, the replacement for undecodable tokens.
let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]
