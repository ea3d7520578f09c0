import CTiles

/// Sixteen words of 32 bits.
@usableFromInline
package typealias VectorBits = SIMD16<UInt32>

/// Returns the nearest bfloat16 values, ties to even; NaN and infinity are kept.
///
/// Where the CPU has an instruction for it, denormals become 0, which arithmetic on compute threads never yields.
@inlinable @inline(__always)
package func halvesOfBFloat16(_ x: SIMD16<Float>) -> SIMD16<UInt16> {
    if ctiles_rounds_to_bfloat16() == 1 { return ctiles_round_to_bfloat16(x) }
    return exactHalvesOfBFloat16(x)
}

/// Returns the same with denormals, as numbers that are stored must have.
@inlinable @inline(__always)
package func exactHalvesOfBFloat16(_ x: SIMD16<Float>) -> SIMD16<UInt16> {
    ctiles_words_to_halves(roundedByIntegers(x) &>> 16)
}

/// Returns the values of `halvesOfBFloat16` as the upper halves of Float32 bits.
@inlinable @inline(__always)
package func roundedToBFloat16(_ x: SIMD16<Float>) -> VectorBits {
    if ctiles_rounds_to_bfloat16() == 0 { return roundedByIntegers(x) }
    return ctiles_halves_to_words(ctiles_round_to_bfloat16(x)) &<< 16
}

@inlinable @inline(__always)
func roundedByIntegers(_ x: SIMD16<Float>) -> VectorBits {
    let bits = x.bits
    var rounded = bits &+ ((bits &>> 16) & 1) &+ 0x7FFF
    // Rounding must not turn a NaN into infinity, so its mantissa keeps the bit that makes it quiet.
    rounded.replace(with: bits | 0x40_0000, where: x .!= x)
    return rounded & 0xFFFF_0000
}
