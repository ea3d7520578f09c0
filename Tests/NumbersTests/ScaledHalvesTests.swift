import Numbers
import Tensors
import TestSupport
import Testing

@Suite struct ScaledHalvesTests {
    private func rounded(_ values: [Float]) -> [Float] {
        var values = values
        ScaledHalves<Float16>.round(&values, count: values.count)
        return values
    }

    /// Values down to 2⁻²⁸ of the largest keep eleven bits, at any magnitude.
    @Test(arguments: [1e-30, 1e-6, 1, 1e4, 1e30] as [Float], [1, 16, 100, 1 << 14])
    func keepsElevenBits(magnitude: Float, count: Int) {
        let values = normals(count, seed: 3).map { Float($0) * magnitude }
        let largest = values.map(\.magnitude).max()!
        for (value, result) in zip(values, rounded(values)) where value.magnitude > largest * 0x1p-28 {
            #expect((result - value).magnitude <= value.magnitude * 0x1p-11)
        }
    }

    @Test func smallValuesSurviveBesideALargeOne() {
        let values: [Float] = [1000, 1e-5, -1e-7, 0]
        let results = rounded(values)
        #expect(results[0] == 1000 && results[3] == 0)
        #expect((results[1] - 1e-5).magnitude < 1e-8 && (results[2] + 1e-7).magnitude < 3e-8)
    }

    /// Includes values that rounding carries to the next power of two, and the limits of Float32's range.
    @Test(
        arguments: [
            [1.9999999, 3e-9, 0x1.004p-25], [65519, 1e-4, 1e-5], [.greatestFiniteMagnitude, 1], [1e-37, 1e-38, -2e-37],
            [0, 0], [0x1.ffep127, 0x1.ffdp127],
        ] as [[Float]])
    func roundingIsIdempotent(values: [Float]) {
        let once = rounded(values)
        #expect(rounded(once) == once)
        #expect(once.allSatisfy { $0.isFinite } || values.contains { $0 > 0x1.ffdp127 })
        // Encoding and decoding a rounded chunk is exact.
        let scale = ScaledHalves<Float16>.scale(of: once, count: once.count)
        var (halves, arrived) = ([Float16](repeating: 0, count: 3), [Float](repeating: 1, count: once.count))
        ScaledHalves<Float16>.encode(once, into: &halves, count: once.count, scale: scale)
        ScaledHalves<Float16>.decode(halves, into: &arrived, count: once.count, scale: scale)
        #expect(arrived == once)
    }

    /// Infinities and NaN are preserved and do not affect other values.
    @Test func nonFiniteValuesArePreserved() {
        let results = rounded([1, .infinity, 0.5, .nan, -.infinity])
        #expect(results[0] == 1 && results[2] == 0.5)
        #expect(results[1] == .infinity && results[3].isNaN && results[4] == -.infinity)
    }

    /// bfloat16 needs no scale: it has the exponents of Float32.
    @Test func bfloat16IsRoundedToNearestEven() {
        var values: [Float] = [1, 1.00390625, -1.01171875, 1e-30, 3e38, .infinity, .nan]
        let expected = values.map { BFloat16($0).float32 }
        ScaledHalves<BFloat16>.round(&values, count: values.count)
        #expect(values.dropLast() == expected.dropLast() && values.last!.isNaN)
        #expect(ScaledHalves<BFloat16>.scale(of: values, count: values.count) == 1)
    }
}
