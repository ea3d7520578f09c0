/// Returns eˣ in every lane, within 2 units in the last place; 0 below −87, +∞ above 88.37, NaN for NaN.
///
/// - Source: the range reduction and polynomial of Cephes' expf (Moshier): x = n·ln 2 + r, |r| ≤ ½ ln 2.
@inlinable @_transparent
package func exponential(_ x: SIMD16<Float>) -> SIMD16<Float> {
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer, which is then in the low bits of the mantissa.
    let magic = SIMD16<Float>(repeating: 12_582_912)
    let shifted = magic.addingProduct(x, SIMD16(repeating: 1.442_695_04))
    let n = shifted - magic
    var r = x.addingProduct(n, SIMD16(repeating: -0.693_359_375))
    r = r.addingProduct(n, SIMD16(repeating: 2.121_944_4e-4))
    var polynomial = SIMD16<Float>(repeating: 1.987_569_15e-4)
    polynomial = SIMD16(repeating: 1.398_199_95e-3).addingProduct(polynomial, r)
    polynomial = SIMD16(repeating: 8.333_451_9e-3).addingProduct(polynomial, r)
    polynomial = SIMD16(repeating: 4.166_579_6e-2).addingProduct(polynomial, r)
    polynomial = SIMD16(repeating: 1.666_666_55e-1).addingProduct(polynomial, r)
    polynomial = SIMD16(repeating: 5.000_000_1e-1).addingProduct(polynomial, r)
    polynomial = (r + 1).addingProduct(polynomial, r * r)
    let exponent = (unsafeBitCast(shifted, to: SIMD16<Int32>.self) &<< 23) &+ SIMD16<Int32>(repeating: 0x3F80_0000)
    var result = polynomial * unsafeBitCast(exponent, to: SIMD16<Float>.self)
    result.replace(with: 0, where: x .< -87)
    result.replace(with: .infinity, where: x .> 88.37)
    result.replace(with: x, where: x .!= x)
    return result
}
