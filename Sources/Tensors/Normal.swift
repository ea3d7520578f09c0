import CTiles
import Failures
import Glibc

// The Box-Muller transform needs a Float64 logarithm, sine and cosine for every two values; calling the C library for
// them takes seconds for 124 M weights. Here eight of each are computed at once with a bounded error. If that error
// could change the rounding to Float32, about once in 10⁵ pairs, the pair is recomputed with the C library. The results
// are therefore bit-identical to the C library's.

/// Fills `target` with normal values with mean 0: the values of `stream` from index `first`, a multiple of four.
///
/// - Source: Box & Muller 1958; four words of the stream yield four values.
package func fillNormal(
    _ target: UnsafeMutableBufferPointer<Float>, from first: Int, _ stream: RandomStream, _ standardDeviation: Float
) {
    require(first.isMultiple(of: 4), "random values start at a multiple of four")
    let normals = NormalPairs()
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { numbers in
        let values = numbers.baseAddress!
        // The 32 values of eight counters are sixteen pairs.
        for start in stride(from: 0, to: target.count, by: 32) {
            let words = PhiloxWords(stream, firstCounter: UInt64((first + start) / 4))
            normals.fill(values, words.x, words.y)
            normals.fill(values + 2, words.z, words.w)
            let count = min(32, target.count - start)
            for index in 0..<count { target[start + index] = standardDeviation * values[index] }
        }
    }
}

/// Returns two normal values computed from two words with the C library.
func normalPair(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
    // In (0, 1], so that the logarithm is finite.
    let radius = (-2 * log((Double(first) + 1) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * Double(second) * 0x1p-32
    return (Float(radius * cos(angle)), Float(radius * sin(angle)))
}

/// Computes eight pairs of normal numbers at once.
struct NormalPairs {
    // The relative error of this code is below 2⁻⁵⁰ and that of the library below 2⁻⁵¹, well within 2⁻⁴⁴.
    let below = 1 - 0x1p-44
    let above = 1 + 0x1p-44
    /// 1.5 · 2⁵²: adding it rounds a value to an integer, held in the low bits of the mantissa.
    let magic = 0x1.8p52
    /// The bits of √½.
    let root = UInt64(0x3FE6_A09E_667F_3BCD)
    // ln 2 and π/2, each split into two terms; the first term has so few bits that its multiples below are exact.
    let logarithmHigh = 0x1.62e42feep-1
    let logarithmLow = 0x1.a39ef35793c76p-33
    let quarterHigh = 0x1.921fb544p0
    let quarterLow = 0x1.0b4611a626331p-34

    /// Sets target[4i] and target[4i + 1] to the pair of the words first[i] and second[i], for i in 0 ..< 8.
    @inline(__always)
    func fill(_ target: UnsafeMutablePointer<Float>, _ first: SIMD8<UInt64>, _ second: SIMD8<UInt64>) {
        let (radius, angle) = (radius(first), 2 * Double.pi * doubles(second) * 0x1p-32)
        // The number of quarter turns in the angle, and the remainder.
        let quarters = (angle * (2 / Double.pi) + magic) - magic
        let rest = (angle - quarters * quarterHigh) - quarters * quarterLow
        let square = rest * rest
        let cosine = cosine(square)
        let sine = rest * sine(square)
        let isOdd = (quarters .== 1) .| (quarters .== 3)
        var x = cosine.replacing(with: sine, where: isOdd)
        var y = sine.replacing(with: cosine, where: isOdd)
        x.replace(with: -x, where: (quarters .== 1) .| (quarters .== 2))
        y.replace(with: -y, where: (quarters .== 2) .| (quarters .== 3))
        x *= radius
        y *= radius
        // Near a quarter turn the remainder has lost its low bits to cancellation; a radius of 0 can yield −0.
        let isHard = ((rest .< 1e-6) .& (rest .> -1e-6)) .| (radius .== 0)
        let (lowX, highX) = (floats(x * below), floats(x * above))
        let (lowY, highY) = (floats(y * below), floats(y * above))
        for pair in 0..<8 {
            target[4 * pair] = lowX[pair]
            target[4 * pair + 1] = lowY[pair]
        }
        let isUnsure = (lowX .!= highX) .| (lowY .!= highY)
        var hard = SIMD8<Float>(repeating: 0).replacing(with: 1, where: isUnsure)
        hard += floats(SIMD8<Double>(repeating: 0).replacing(with: 1, where: isHard))
        if hard.sum() == 0 { return }
        for pair in 0..<8 where hard[pair] > 0 {
            (target[4 * pair], target[4 * pair + 1]) = normalPair(
                UInt32(truncatingIfNeeded: first[pair]), UInt32(truncatingIfNeeded: second[pair]))
        }
    }

    /// Returns √(−2 ln((word + 1) / 2³²)).
    @inline(__always)
    private func radius(_ words: SIMD8<UInt64>) -> SIMD8<Double> {
        let bits = unsafeBitCast((doubles(words) + 1) * 0x1p-32, to: SIMD8<UInt64>.self)
        // The exponent for which the fraction is between √½ and √2.
        let offset = (bits &- root) &+ SIMD8(repeating: 1 << 62)
        let exponent = (offset &>> 52)
        let fraction = unsafeBitCast(bits &- ((exponent &- 1024) &<< 52), to: SIMD8<Double>.self) - 1
        let magicBits = SIMD8<UInt64>(repeating: magic.bitPattern)
        let power = unsafeBitCast(magicBits &+ exponent, to: SIMD8<Double>.self) - (magic + 1024)
        let s = ctiles_quotient(fraction, fraction + 2)
        let logarithm = power * logarithmHigh + (power * logarithmLow + 2 * s * areaTangent(s * s))
        return ctiles_square_root(-2 * logarithm)
    }

    /// Returns artanh(s) / s for s² = `square`.
    @inline(__always)
    private func areaTangent(_ square: SIMD8<Double>) -> SIMD8<Double> {
        var sum = SIMD8<Double>(repeating: 1.0 / 21)
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 19))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 17))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 15))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 13))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 11))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 9))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 7))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 5))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 3))
        return ctiles_fused(sum, square, SIMD8(repeating: 1))
    }

    /// Returns cos r for r² = `square`, |r| ≤ π/4.
    @inline(__always)
    private func cosine(_ square: SIMD8<Double>) -> SIMD8<Double> {
        var sum = SIMD8<Double>(repeating: 1 / 20_922_789_888_000)
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1 / 87_178_291_200))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1 / 479_001_600))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1 / 3_628_800))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 40320))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1.0 / 720))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 24))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -0.5))
        return ctiles_fused(sum, square, SIMD8(repeating: 1))
    }

    /// Returns sin r / r for r² = `square`, |r| ≤ π/4.
    @inline(__always)
    private func sine(_ square: SIMD8<Double>) -> SIMD8<Double> {
        var sum = SIMD8<Double>(repeating: 1 / 355_687_428_096_000)
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1 / 1_307_674_368_000))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1 / 6_227_020_800))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1 / 39_916_800))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 362_880))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1.0 / 5040))
        sum = ctiles_fused(sum, square, SIMD8(repeating: 1.0 / 120))
        sum = ctiles_fused(sum, square, SIMD8(repeating: -1.0 / 6))
        return ctiles_fused(sum, square, SIMD8(repeating: 1))
    }
}

/// Returns the lower 32 bits of each lane as a number: they become the mantissa of a number from 2⁵² on.
@inline(__always)
private func doubles(_ words: SIMD8<UInt64>) -> SIMD8<Double> {
    let bits = (words & PhiloxWords.low) | SIMD8(repeating: 0x1p52.bitPattern)
    return unsafeBitCast(bits, to: SIMD8<Double>.self) - 0x1p52
}

@inline(__always)
private func floats(_ numbers: SIMD8<Double>) -> SIMD8<Float> {
    var result = SIMD8<Float>()
    for lane in 0..<8 { result[lane] = Float(numbers[lane]) }
    return result
}
