// B sequences, T queries and S keys a sequence.

/// Which keys each query sees: always a stretch without gaps.
///
/// Every mask of the Transformers in use is one: causal, bidirectional, a prefix that all see, padding at the end, documents
/// packed one after another. So a mask costs nothing that is as large as the scores, and what it hides from a whole block of
/// queries is never computed.
package struct AttentionMask {
    /// Whether query t sees no key after t, but for the prefix.
    package var isCausal: Bool
    /// [B]; the keys of each sequence that count, at least 1; nil: all S.
    package var lengths: UnsafePointer<Int32>?
    /// [B]; the first keys, which a causal mask does not hide; nil: none.
    package var prefixes: UnsafePointer<Int32>?
    /// [B, T]; the first key that each query sees, at most its own place; nil: 0.
    package var firstKeys: UnsafePointer<Int32>?

    /// A mask.
    package init(
        isCausal: Bool, lengths: UnsafePointer<Int32>? = nil, prefixes: UnsafePointer<Int32>? = nil,
        firstKeys: UnsafePointer<Int32>? = nil
    ) {
        self.isCausal = isCausal
        self.lengths = lengths
        self.prefixes = prefixes
        self.firstKeys = firstKeys
    }

    /// The keys that a query sees; never none.
    @inline(__always)
    func visible(sequence b: Int, query t: Int, queries T: Int, keys S: Int) -> Range<Int> {
        let first = firstKeys.map { Int($0[b * T + t]) } ?? 0
        let last = isCausal ? max(t + 1, prefixes.map { Int($0[b]) } ?? 0) : S
        return first..<max(first + 1, min(last, lengths.map { Int($0[b]) } ?? S))
    }

    /// The keys that at least one of a block of queries sees.
    func visible(sequence b: Int, block: Range<Int>, queries T: Int, keys S: Int) -> Range<Int> {
        // Nothing that bounds a query falls along a sequence but where a mask is causal, and there the last is the largest.
        let last = visible(sequence: b, query: block.upperBound - 1, queries: T, keys: S).upperBound
        guard let firstKeys else { return 0..<last }
        var first = last - 1
        for query in block { first = min(first, Int(firstKeys[b * T + query])) }
        // Dropout masks are made for whole words of 32.
        return first / 32 * 32..<last
    }
}
