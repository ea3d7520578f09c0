import Failures

/// Represents tokens as decimal numbers separated by spaces, for shards without a known tokenizer.
package struct NumberTokenizer: Tokenizer {
    package let vocabularySize: Int
    package let description: TokenizerDescription

    /// A tokenizer for the IDs 0..<vocabularySize, some of which may be special tokens.
    package init(vocabularySize: Int, specialTokens: SpecialTokens = .none) {
        self.vocabularySize = vocabularySize
        description = TokenizerDescription(kind: .none, specialTokens: specialTokens)
    }

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let end = isLast ? bytes.count : prefixCount(of: bytes, after: previous)
        for word in bytes[..<end].split(whereSeparator: NumberTokenizer.isSpace) {
            let text = String(decoding: word, as: UTF8.self)
            guard let token = Int32(text), token >= 0, Int(token) < vocabularySize else {
                throw Failure(
                    .usage,
                    "'\(text)': this dataset has no tokenizer, so its text must be token IDs from 0 to "
                        + "\(vocabularySize - 1) separated by spaces.")
            }
            tokens.append(token)
        }
        return end
    }

    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) -> Int {
        // A number at the end may continue in the next chunk.
        bytes.lastIndex(where: NumberTokenizer.isSpace).map { $0 + 1 } ?? 0
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        bytes += Array("\(token) ".utf8)
    }
}
