import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// R rows, C columns.

@Suite struct RMSNormalizationTests {
    @Test(arguments: oddSizes, [0, 1, 5])
    func equalsTheReference(columns: Int, rows: Int) {
        let input = normals(rows * columns, seed: 1, deviation: 2, mean: 1)
        check(Float.self, input, columns)
        check(Float16.self, input, columns)
        check(BFloat16.self, input, columns)
    }

    @Test(arguments: [1e-12, 0.25])
    func usesTheGivenEpsilon(epsilon: Double) {
        check(Float.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
        check(Float16.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
        check(BFloat16.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
    }

    /// Equal values, values far from zero, tiny and huge values.
    @Test(arguments: [
        [Double](repeating: 3, count: 33), [Double](repeating: 0, count: 33),
        normals(33, seed: 1, deviation: 1, mean: 512),
        normals(33, seed: 1).map { Double(Float($0 * 1e-20)) }, normals(33, seed: 1).map { Double(Float($0 * 1e15)) },
    ])
    func handlesExtremes(input: [Double]) { check(Float.self, input, input.count) }

    private func check<Element: Storage>(
        _: Element.Type, _ input: [Double], _ C: Int, _ epsilon: Double = Double(Float(1e-5))
    ) {
        let R = input.count / C
        let (scale, outputGradient) = (normals(C, seed: 2, deviation: 0.3, mean: 1), normals(R * C, seed: 4))
        let before = normals(R * C, seed: 5)
        let expected = Reference.rmsNormalization(input, scale: scale, epsilon: epsilon)
        let gradients = Reference.rmsNormalizationBackward(
            input, scale: scale, epsilon: epsilon, outputGradient: outputGradient)

        withTestMemory { memory in
            let (x, gain) = (memory.numbers(input, Element.self), memory.numbers(scale, Element.self))
            let (y, reciprocals) = (memory.output(R * C, Element.self), memory.output(R, Float.self))
            rmsNormalization(
                x, scale: gain, epsilon: Float(epsilon), into: y, reciprocals: reciprocals, rows: R, columns: C)
            // Sums of squares have no cancellation, so every error is relative. Rounding to a Float16 denormal has an
            // absolute error of half of 2⁻²⁴.
            expectClose(
                array(y, R * C), expected.output, absolute: Element.self == Float16.self ? 0x1p-25 : 0,
                relative: Element.unitRoundoff + 16 * Float.unitRoundoff, "rmsNormalization")
            expectClose(
                array(reciprocals, R), expected.reciprocals, relative: 16 * Float.unitRoundoff, "reciprocals")

            let (dx, dScale) = (memory.numbers(before, Float.self), memory.output(C, Element.self))
            rmsNormalizationBackward(
                x, scale: gain, reciprocals: reciprocals,
                outputGradient: memory.numbers(outputGradient, Float.self), accumulatingInto: dx,
                scaleGradient: dScale, sums: memory.output(C, Float.self), rows: R, columns: C)
            // The gradient of a row is a difference of terms below 32, times the reciprocal; it is added to values
            // below 4.
            let largest = expected.reciprocals.max() ?? 0
            expectClose(
                array(dx, R * C), Reference.sum(before, gradients.input),
                absolute: Float.unitRoundoff * (4 + 32 * 16 * largest), "inputGradient")
            // Sums of R products below 16.
            expectClose(
                array(dScale, C), gradients.scale, absolute: Double(R + 1) * 64 * Float.unitRoundoff,
                relative: Element.unitRoundoff, "scaleGradient")
        }
    }
}
