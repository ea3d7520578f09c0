import Failures

/// One token a byte: no training, no unknown text, 256 tokens.
package struct ByteTokenizer: Tokenizer {
    /// The byte tokenizer; there is only one.
    package init() {}

    package var description: TokenizerDescription { TokenizerDescription(kind: .byte) }

    package var vocabularySize: Int { 256 }

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        tokens.append(contentsOf: bytes.lazy.map(Int32.init))
        return bytes.count
    }

    package func decode(_ tokens: [Int32]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tokens.count)
        for token in tokens {
            if let byte = UInt8(exactly: token) { bytes.append(byte) } else { bytes += replacementCharacter }
        }
        return bytes
    }
}
