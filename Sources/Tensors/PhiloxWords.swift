/// The words of eight consecutive counters of a stream, computed at once: the same ones as `RandomStream.words`.
///
/// Each 32-bit word is in a 64-bit lane, so that one instruction yields the full product.
@frozen @usableFromInline
package struct PhiloxWords {
    /// The first to fourth words of the counters.
    @usableFromInline package var x, y, z, w: SIMD8<UInt64>

    /// A vector whose lanes select a word.
    @inlinable @inline(__always)
    package static var low: SIMD8<UInt64> { SIMD8(repeating: 0xFFFF_FFFF) }

    /// Computes the words of the counters from `firstCounter` on.
    @inlinable @inline(__always)
    package init(_ stream: RandomStream, firstCounter: UInt64) {
        let counters = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 7) &+ SIMD8(repeating: firstCounter)
        (x, y) = (counters & PhiloxWords.low, counters &>> 32)
        (z, w) = (SIMD8(repeating: stream.sample & 0xFFFF_FFFF), SIMD8(repeating: stream.sample >> 32))
        var (k0, k1) = (UInt64(stream.key.x), UInt64(stream.key.y))
        // Unrolled by hand: in a loop, the compiler would split the words over quarter registers.
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
        round(&k0, &k1)
    }

    /// Performs one round of `Philox.words` in every lane.
    @inlinable @inline(__always)
    package mutating func round(_ k0: inout UInt64, _ k1: inout UInt64) {
        // The masks let the compiler see that both operands have 32 bits, so that it uses the fast multiplication.
        let first = (x & PhiloxWords.low) &* SIMD8(repeating: UInt64(Philox.multiplier0))
        let second = (z & PhiloxWords.low) &* SIMD8(repeating: UInt64(Philox.multiplier1))
        x = (second &>> 32) ^ y ^ SIMD8(repeating: k0)
        z = (first &>> 32) ^ w ^ SIMD8(repeating: k1)
        y = second & PhiloxWords.low
        w = first & PhiloxWords.low
        k0 = (k0 &+ UInt64(Philox.weyl0)) & 0xFFFF_FFFF
        k1 = (k1 &+ UInt64(Philox.weyl1)) & 0xFFFF_FFFF
    }
}

extension RandomStream {
    /// Writes the words of counters `first` ..< `first` + `count`, as `words` returns them.
    ///
    /// - Parameter words: [`count` rounded up to a multiple of 8].
    package func fill(_ words: UnsafeMutablePointer<SIMD4<UInt32>>, first: UInt64, count: Int) {
        for start in stride(from: 0, to: count, by: 8) {
            let eight = PhiloxWords(self, firstCounter: first + UInt64(start))
            // Words 0 and 1 of a counter make the lower half of its four words, 2 and 3 the upper one.
            let lower = (eight.x & PhiloxWords.low) | (eight.y &<< 32)
            let upper = (eight.z & PhiloxWords.low) | (eight.w &<< 32)
            let halves = UnsafeMutableRawPointer(words + start).assumingMemoryBound(to: UInt64.self)
            for lane in 0..<8 { (halves[2 * lane], halves[2 * lane + 1]) = (lower[lane], upper[lane]) }
        }
    }
}
