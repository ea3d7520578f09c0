import Failures

/// A byte-level tokenizer: one token per byte, 256 tokens, optionally followed by special tokens. It needs no training
/// and can encode every text.
package struct ByteTokenizer: Tokenizer {
    package let description: TokenizerDescription
    package let vocabularySize: Int

    /// A byte tokenizer with or without special tokens.
    package init(withSpecialTokens: Bool = false) {
        var special = SpecialTokens.none
        vocabularySize = withSpecialTokens ? Int(special.addMissing(from: 256)) : 256
        description = TokenizerDescription(kind: .byte, specialTokens: special)
    }

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        tokens.append(contentsOf: bytes.lazy.map(Int32.init))
        return bytes.count
    }

    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) -> Int { bytes.count }

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        if let byte = UInt8(exactly: token) {
            bytes.append(byte)
        } else if token < 0 || token >= vocabularySize {
            bytes += replacementCharacter
        }
    }
}
