// B sequences, S slots of P positions, H heads of queries, K heads of keys and values, D head width.

/// The keys and values of one layer that a batch of sequences sees: each its own stretch of positions, in slots.
///
/// The positions of a sequence may lie in several slots: those that continue the same beginning share where it lies, and none
/// of it is ever moved.
package struct CachedRows<Element: Storage> {
    /// [S, P, 2K · D]: the keys of a position, then its values.
    let keysAndValues: UnsafePointer<Element>
    /// P.
    let capacity: Int
    /// [B, P]; the slot in which each position of a sequence lies.
    let owners: UnsafePointer<Int32>
    /// [B]; the positions that each sequence sees, 1 ... P.
    let lengths: UnsafePointer<Int32>

    /// Rows of a cache.
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
    /// output = softmax(Q·Kᵀ/√D) · V for one query a sequence, which sees all of the sequence's cached positions; where distance
    /// costs, it stands at the last of them.
    ///
    /// - Parameters:
    ///   - queries: [B, queryStride]; the heads of a row stand at its beginning.
    ///   - output: [B, H · D].
    /// - Complexity: O(Σ lengths · H · D); the bits of a sequence depend on nothing but itself.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func forward<Element: Storage>(
        queries: UnsafePointer<Element>, stride queryStride: Int, _ cached: CachedRows<Element>,
        into output: UnsafeMutablePointer<Element>, sequences B: Int
    ) {
        let (C, D, group) = (headCount * headWidth, headWidth, headCount / keyHeadCount)
        let (valueColumn, rowStride) = (keyHeadCount * D, 2 * keyHeadCount * D)
        parallel(B * headCount) { part in
            let (b, h) = (part / headCount, part % headCount)
            let count = Int(cached.lengths[b])
            let owners = cached.owners + b * cached.capacity
            let query = queries + b * queryStride + h * D
            let keys = cached.keysAndValues + h / group * D
            let values = keys + valueColumn
            let scores = ThreadScratch.ofThread.floats(.scores, cached.capacity)
            for t in 0..<count {
                let key = keys + (Int(owners[t]) * cached.capacity + t) * rowStride
                var sum = SIMD16<Float>()
                forEachVector(D) { d, width in sum = sum.addingProduct(load(query + d, width), load(key + d, width)) }
                scores[t] = sum.lanesSum * scale
            }
            penalize(scores, head: h, query: count - 1, keys: 0..<count)
            _ = softmax(scores, from: 0, to: count, count)
            let target = output + b * C + h * D
            var d = 0
            // Four vectors wide as long as it goes: each row is read in one stretch.
            while d + 4 * lanes <= D {
                var (s0, s1, s2, s3) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
                for t in 0..<count {
                    let value = values + (Int(owners[t]) * cached.capacity + t) * rowStride + d
                    let p = SIMD16<Float>(repeating: scores[t])
                    s0 = s0.addingProduct(Element.load(value), p)
                    s1 = s1.addingProduct(Element.load(value + lanes), p)
                    s2 = s2.addingProduct(Element.load(value + 2 * lanes), p)
                    s3 = s3.addingProduct(Element.load(value + 3 * lanes), p)
                }
                Element.store(s0, target + d)
                Element.store(s1, target + d + lanes)
                Element.store(s2, target + d + 2 * lanes)
                Element.store(s3, target + d + 3 * lanes)
                d += 4 * lanes
            }
            forEachVector(in: d..<D) { d, width in
                var sum = SIMD16<Float>()
                for t in 0..<count {
                    let value = values + (Int(owners[t]) * cached.capacity + t) * rowStride + d
                    sum = sum.addingProduct(load(value, width), SIMD16(repeating: scores[t]))
                }
                store(sum, target + d, width)
            }
        }
    }
}
