/// A bfloat16: the upper half of a Float32, with 8 bits of exponent and 7 of mantissa.
///
/// - Source: Kalamkar et al. 2019, arXiv:1905.12322.
@usableFromInline
package struct BFloat16: BitwiseCopyable, Equatable, Sendable, ExpressibleByIntegerLiteral {
    /// Sign, exponent and mantissa.
    @usableFromInline package var bitPattern: UInt16

    /// The number with these bits.
    @inlinable package init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// The nearest bfloat16, ties to even; NaN and infinity are kept.
    @inlinable package init(_ value: Float) {
        let bits = value.bitPattern
        // Rounding must not turn a NaN into infinity, so its mantissa keeps the bit that makes it quiet.
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        }
    }

    @inlinable package init(integerLiteral value: Int) { self.init(Float(value)) }

    /// Whether two numbers are equal, as Float32 compares them.
    @inlinable package static func == (a: BFloat16, b: BFloat16) -> Bool { a.float32 == b.float32 }

    /// The same number as a Float32.
    @inlinable package var float32: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}
