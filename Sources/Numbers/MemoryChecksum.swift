import Tensors

/// A checksum that detects whether memory has changed since the last writing.
///
/// In each of sixteen lanes, two sums modulo 2³² are kept: that of the words, and that of the first sum after each word,
/// in which the position of a word counts. A change within one word is always detected, a change of several words of a
/// lane unless both sums stay the same by chance. Adding sixteen words takes two additions, so that a pass which reads
/// or writes them anyway takes hardly longer.
///
/// - Source: Fletcher 1982, doi:10.1109/TCOM.1982.1095369, here without reducing the sums modulo 2ⁿ − 1.
@frozen
package struct MemoryChecksum: BitwiseCopyable, Sendable {
    @usableFromInline var sums = VectorBits()
    @usableFromInline var positions = VectorBits()

    /// The checksum of no memory.
    @inlinable @inline(__always) package init() {}

    /// Adds the next sixteen words; the missing ones of the last vector are 0.
    @inlinable @inline(__always)
    package mutating func add(_ words: VectorBits) {
        sums &+= words
        positions &+= sums
    }

    /// The checksum of `count` elements, in the order of `vectors`.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    @_specialize(where Element == BFloat16)
    package init<Element: Storage>(_ elements: UnsafePointer<Element>, count: Int) {
        for (offsets, width) in vectors(count) { for i in offsets { add(words(elements + i, width)) } }
    }

    /// All lanes as one number.
    package var value: UInt64 {
        var value: UInt64 = 0
        for lane in 0..<lanes {
            // Each operation is invertible, so that a change in one lane changes the value. The factor is 2⁶⁴ divided by
            // the golden ratio.
            value = (value ^ (UInt64(sums[lane]) << 32 | UInt64(positions[lane]))) &* 0x9E37_79B9_7F4A_7C15
            value ^= value >> 29
        }
        return value
    }
}
