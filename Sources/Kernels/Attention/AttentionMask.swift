import Failures

// B sequences, T queries and S keys per sequence.

/// The keys that each query attends to: always one contiguous range.
///
/// This covers the usual masks of Transformers: causal, bidirectional, a prefix that all positions attend to, padding
/// at the end, packed documents, and a sliding window. The mask needs no memory of the size of the scores, and keys
/// that are masked for an entire block of queries are skipped.
package struct AttentionMask {
    /// Whether query t attends to no key after t, except within the prefix.
    package var isCausal: Bool
    /// [B]; the number of valid keys of each sequence, at least 1; nil: S.
    package var lengths: UnsafePointer<Int32>?
    /// [B]; the length of each sequence's prefix, which a causal mask does not hide; nil: 0.
    package var prefixLengths: UnsafePointer<Int32>?
    /// [B, T]; the first key that each query attends to, at most the query's own position; nil: 0.
    package var documentStarts: UnsafePointer<Int32>?
    /// The distance from which on a query attends to no key; 0: any distance.
    var window = 0

    /// A mask with the given properties.
    package init(
        isCausal: Bool, lengths: UnsafePointer<Int32>? = nil, prefixLengths: UnsafePointer<Int32>? = nil,
        documentStarts: UnsafePointer<Int32>? = nil
    ) {
        self.isCausal = isCausal
        self.lengths = lengths
        self.prefixLengths = prefixLengths
        self.documentStarts = documentStarts
    }

    /// Returns the keys that a query attends to; never empty.
    @inline(__always)
    func visible(sequence b: Int, query t: Int, queries T: Int, keys S: Int) -> Range<Int> {
        var first = documentStarts.map { Int($0[b * T + t]) } ?? 0
        var last = isCausal ? max(t + 1, prefixLengths.map { Int($0[b]) } ?? 0) : S
        if window > 0 {
            first = max(first, t - window + 1)
            last = min(last, t + window)
        }
        return first..<max(first + 1, min(last, lengths.map { Int($0[b]) } ?? S))
    }

    /// Returns the smallest range that contains the keys of all queries of a block, its start rounded down to a
    /// multiple of 32.
    func visible(sequence b: Int, block: Range<Int>, queries T: Int, keys S: Int) -> Range<Int> {
        // The upper bound never decreases along a sequence, so the last query of the block has the largest.
        let last = visible(sequence: b, query: block.upperBound - 1, queries: T, keys: S).upperBound
        require(last <= S, "a mask ends at key \(last) of \(S)")
        if documentStarts == nil, window == 0 { return 0..<last }
        var first = last - 1
        for query in block {
            first = min(first, visible(sequence: b, query: query, queries: T, keys: S).lowerBound)
        }
        require(first >= 0, "a document starts at position \(first)")
        // Dropout masks start at multiples of 32.
        return first / 32 * 32..<last
    }

    /// The same mask for queries that attend to no key at the distance `window` or beyond; 0: any distance.
    func within(_ window: Int) -> AttentionMask {
        var mask = self
        mask.window = window
        return mask
    }
}
