import Numbers
import Products
import Tensors
import Threads

// B sequences, S cache rows of P positions, H query heads, K KV heads, D head dimension.

/// A view of one layer's KV cache for a batch of sequences.
///
/// The positions of a sequence may be in several cache rows: sequences with a common prefix share the row that holds
/// it, and cached keys and values are never moved.
package struct CachedRows<Element: Storage> {
    /// [S, P, 2K · D]; the keys of a position, followed by its values.
    let keysAndValues: UnsafePointer<Element>
    /// P, the number of positions per cache row.
    let capacity: Int
    /// [B, P]; the cache row that holds each position of a sequence.
    let owners: UnsafePointer<Int32>
    /// [B]; the number of cached positions of each sequence, 1 ... P.
    let lengths: UnsafePointer<Int32>

    /// A view of a cache.
    package init(
        _ keysAndValues: UnsafePointer<Element>, capacity: Int, owners: UnsafePointer<Int32>,
        lengths: UnsafePointer<Int32>
    ) {
        self.keysAndValues = keysAndValues
        self.capacity = capacity
        self.owners = owners
        self.lengths = lengths
    }
}

extension Attention {
    /// Computes output = softmax(Q·Kᵀ/√D + ALiBi bias) · V for one query per sequence, which attends to all cached
    /// positions of the sequence; its own position is the last of them.
    ///
    /// - Parameters:
    ///   - queries: [B, queryStride]; the heads are at the start of each row.
    ///   - biases: Learned biases of scores; nil: none.
    ///   - output: [B, H · D].
    /// - Complexity: O(Σ lengths · H · D). The bits of a sequence's output do not depend on the other sequences.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package func forward<Element: Storage>(
        queries: UnsafePointer<Element>, stride queryStride: Int, _ cached: CachedRows<Element>,
        biases: DistanceBiases? = nil, into output: UnsafeMutablePointer<Element>, sequences B: Int
    ) {
        let (C, D, group) = (headCount * headWidth, headWidth, headCount / keyHeadCount)
        let (valueColumn, rowStride) = (keyHeadCount * D, 2 * keyHeadCount * D)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let count = Int(cached.lengths[b])
            let first = window > 0 ? max(0, count - window) : 0
            let owners = cached.owners + b * cached.capacity
            let query = queries + b * queryStride + h * D
            let keys = cached.keysAndValues + h / group * D
            let values = keys + valueColumn
            let scores = ThreadScratch.ofThread.floats(.scores, cached.capacity)
            for t in first..<count {
                let key = keys + (Int(owners[t]) * cached.capacity + t) * rowStride
                var sum = SIMD16<Float>()
                for (offsets, width) in vectors(D) {
                    for d in offsets { sum = sum.addingProduct(load(query + d, width), load(key + d, width)) }
                }
                scores[t] = sum.lanesSum * scale
            }
            penalize(scores + first, head: h, query: count - 1, keys: first..<count)
            biases?.add(to: scores + first, head: h, query: count - 1, keys: first..<count)
            _ = softmax(scores, from: first, to: count, count)
            let target = output + b * C + h * D
            var d = 0
            // Processes four vectors at a time, so that each row of values is read in long contiguous runs.
            while d + 4 * lanes <= D {
                var (s0, s1, s2, s3) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
                for t in first..<count {
                    let value = values + (Int(owners[t]) * cached.capacity + t) * rowStride + d
                    let p = SIMD16<Float>(repeating: scores[t])
                    s0 = s0.addingProduct(load(value, lanes), p)
                    s1 = s1.addingProduct(load(value + lanes, lanes), p)
                    s2 = s2.addingProduct(load(value + 2 * lanes, lanes), p)
                    s3 = s3.addingProduct(load(value + 3 * lanes, lanes), p)
                }
                store(s0, target + d, lanes)
                store(s1, target + d + lanes, lanes)
                store(s2, target + d + 2 * lanes, lanes)
                store(s3, target + d + 3 * lanes, lanes)
                d += 4 * lanes
            }
            for (offsets, width) in vectors(in: d..<D) {
                for d in offsets {
                    var sum = SIMD16<Float>()
                    for t in first..<count {
                        let value = values + (Int(owners[t]) * cached.capacity + t) * rowStride + d
                        sum = sum.addingProduct(load(value, width), SIMD16(repeating: scores[t]))
                    }
                    store(sum, target + d, width)
                }
            }
        }
    }
}
