/// The file formats of token shards: those of llm.c and nanoGPT, little-endian.
///
/// An llm.c shard starts with 256 `Int32`: the magic number, the version, the number of tokens, and zeros.
///
/// - Source: `write_datafile` in karpathy/llm.c, dev/data/data_common.py.
package enum TokenShardFormat: Sendable, CaseIterable {
    /// llm.c's header, followed by `UInt16` tokens.
    case uint16
    /// llm.c's header, followed by `UInt32` tokens.
    case uint32
    /// `UInt16` tokens without a header.
    case headerless

    /// The format with a header and the smallest tokens that can represent 0..<vocabularySize.
    package init(vocabularySize: Int) {
        self = vocabularySize <= 1 << 16 ? .uint16 : .uint32
    }

    /// The size of a token in bytes.
    package var tokenBytes: Int { self == .uint32 ? 4 : 2 }

    /// The size of the header in bytes.
    package var headerBytes: Int { self == .headerless ? 0 : TokenShardFormat.llmcHeaderBytes }

    /// The first two fields of the header; nil without a header.
    package var signature: (magic: Int32, version: Int32)? {
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

    /// The size of an llm.c header in bytes.
    static let llmcHeaderBytes = 1024

    /// The range of magic numbers of llm.c's files (weights, states, tokenizers, tokens); they are dates.
    ///
    /// Read as two `UInt16`, a magic number starts with a token of at least 54912, which no GPT-2 vocabulary contains,
    /// so a headerless shard is never mistaken for such a file.
    static let llmcMagics: ClosedRange<Int32> = 20_240_000...20_249_999

    /// The maximum number of tokens per shard: the header has 31 bits for it.
    package static let maximumTokenCount = Int(Int32.max)
}

extension TokenShardFormat {
    /// The name of the format for error messages.
    var name: String {
        switch self {
        case .uint16: "16-bit tokens after an llm.c header"
        case .uint32: "32-bit tokens after an llm.c header"
        case .headerless: "16-bit tokens without a header"
        }
    }
}
