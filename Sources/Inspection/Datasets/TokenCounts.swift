import Tokenizers

/// How often each token occurs.
struct TokenCounts {
    /// Shape [V].
    private var counts: [Int]
    private let unknown: Int32?
    private let bytes: Set<Int32>

    init(_ tokenizer: any Tokenizer) {
        counts = Array(repeating: 0, count: tokenizer.vocabularySize)
        unknown = tokenizer.specialTokens.unknown
        bytes = Set(tokenizer.byteFallbackTokens)
    }

    /// Counts tokens, which must be in the vocabulary.
    mutating func add(_ tokens: UnsafeBufferPointer<Int32>) {
        for token in tokens { counts[Int(token)] += 1 }
    }

    /// The number of all tokens.
    var total: Int { counts.reduce(0, +) }
    /// The number of different tokens that occur.
    var used: Int { counts.count { $0 > 0 } }
    /// The share of tokens that stand for unknown text; nil if the tokenizer knows all text.
    var unknownShare: Double? { unknown.map { share(counts[Int($0)]) } }
    /// The share of tokens that are single bytes of characters without a token; nil if the tokenizer has no such
    /// tokens.
    var byteShare: Double? {
        bytes.isEmpty ? nil : share(bytes.reduce(0) { $0 + counts[Int($1)] })
    }

    /// The `limit` most frequent tokens with their shares.
    func mostFrequent(_ limit: Int) -> [(token: Int32, share: Double)] {
        counts.indices.filter { counts[$0] > 0 }.sorted { (-counts[$0], $0) < (-counts[$1], $1) }.prefix(limit)
            .map { (Int32($0), share(counts[$0])) }
    }

    /// Adds the counts of another split.
    mutating func add(_ other: TokenCounts) {
        for token in counts.indices { counts[token] += other.counts[token] }
    }

    private func share(_ count: Int) -> Double { Double(count) / Double(max(1, total)) }
}
