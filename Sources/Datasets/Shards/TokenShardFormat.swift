/// How the tokens of a shard lie in its file: the formats of llm.c and of nanoGPT, little-endian.
///
/// An llm.c shard starts with 256 `Int32`: the magic number, the version, the number of tokens, zeros.
///
/// - Source: `write_datafile` in karpathy/llm.c, dev/data/data_common.py.
package enum TokenShardFormat: Sendable, CaseIterable {
    /// llm.c's header, then `UInt16` tokens.
    case uint16
    /// llm.c's header, then `UInt32` tokens.
    case uint32
    /// `UInt16` tokens and nothing else.
    case headerless

    /// The narrowest format with a header whose tokens hold all of 0..<vocabularySize.
    package init(vocabularySize: Int) {
        self = vocabularySize <= 1 << 16 ? .uint16 : .uint32
    }

    /// Bytes a token takes.
    package var tokenBytes: Int { self == .uint32 ? 4 : 2 }

    /// Bytes before the first token.
    package var headerBytes: Int { self == .headerless ? 0 : TokenShardFormat.llmcHeaderBytes }

    /// The first two numbers of the header.
    var signature: (magic: Int32, version: Int32)? {
        switch self {
        case .uint16: (20_240_520, 1)
        case .uint32: (20_240_801, 7)
        case .headerless: nil
        }
    }

    /// The format whose header starts with `magic`.
    init?(magic: Int32) {
        guard let format = TokenShardFormat.allCases.first(where: { $0.signature?.magic == magic }) else { return nil }
        self = format
    }

    /// Bytes of an llm.c header.
    static let llmcHeaderBytes = 1024

    /// The dates that llm.c takes for the magic numbers of all its files: weights, states, tokenizers and tokens.
    ///
    /// As `UInt16` they begin with a token of at least 54912, which no GPT-2 vocabulary holds, so that a headerless
    /// shard is not mistaken for one.
    static let llmcMagics: ClosedRange<Int32> = 20_240_000...20_249_999

    /// The largest number of tokens in a shard: the header has 31 bits for it.
    package static let maximumTokenCount = Int(Int32.max)
}

extension TokenShardFormat {
    /// What a person calls it.
    var name: String {
        switch self {
        case .uint16: "16-bit tokens after an llm.c header"
        case .uint32: "32-bit tokens after an llm.c header"
        case .headerless: "16-bit tokens without a header"
        }
    }
}
