import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// R rows, C columns.

@Suite struct LayerNormalizationTests {
    @Test(arguments: oddSizes, [0, 1, 5])
    func equalsTheReference(columns: Int, rows: Int) {
        check(Float.self, normals(rows * columns, seed: 1, deviation: 2, mean: 1), columns)
        check(Float16.self, normals(rows * columns, seed: 1, deviation: 2, mean: 1), columns)
        check(BFloat16.self, normals(rows * columns, seed: 1, deviation: 2, mean: 1), columns)
    }

    /// Equal values, values far from zero, tiny and huge values.
    @Test(arguments: [
        [Double](repeating: 3, count: 33), [Double](repeating: 0, count: 33),
        normals(33, seed: 1, deviation: 1, mean: 512),
        normals(33, seed: 1).map { Double(Float($0 * 1e-20)) }, normals(33, seed: 1).map { Double(Float($0 * 1e15)) },
    ])
    func handlesExtremes(input: [Double]) { check(Float.self, input, input.count) }

    @Test(arguments: [1e-12, 0.25])
    func usesTheGivenEpsilon(epsilon: Double) {
        check(Float.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
        check(Float16.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
        check(BFloat16.self, normals(3 * 33, seed: 1, deviation: 0.5), 33, epsilon)
    }

    private func check<Element: Storage>(
        _: Element.Type, _ input: [Double], _ C: Int, _ epsilon: Double = Double(Float(1e-5))
    ) {
        let R = input.count / C
        let (scale, shift) = (normals(C, seed: 2, deviation: 0.3, mean: 1), normals(C, seed: 3, deviation: 0.3))
        let (outputGradient, before) = (normals(R * C, seed: 4), normals(R * C, seed: 5))
        // The precision lost by subtracting the mean: the mean relative to the standard deviation.
        let conditions = zip(
            Reference.layerNormalization(input, scale: scale, shift: nil, epsilon: epsilon).means,
            Reference.layerNormalization(input, scale: scale, shift: nil, epsilon: epsilon).reciprocals
        ).map { abs($0 * $1) }
        let absolute = Float.unitRoundoff * (16 + 4 * (conditions.max() ?? 0))

        withTestMemory { memory in
            let (x, gain) = (memory.numbers(input, Element.self), memory.numbers(scale, Element.self))
            let (means, reciprocals) = (memory.output(R, Float.self), memory.output(R, Float.self))
            let y = memory.output(R * C, Element.self)
            for shift in [nil, shift] {
                let expected = Reference.layerNormalization(
                    input, scale: scale, shift: shift, epsilon: epsilon)
                layerNormalization(
                    x, scale: gain, shift: shift.map { UnsafePointer(memory.numbers($0, Element.self)) },
                    epsilon: Float(epsilon), into: y, means: means, reciprocals: reciprocals, rows: R, columns: C)
                expectClose(
                    array(y, R * C), expected.output, absolute: absolute, relative: Element.unitRoundoff,
                    "layerNormalization")
                let inputMagnitude = input.map(abs).max() ?? 0
                expectClose(
                    array(means, R), expected.means, absolute: 8 * Float.unitRoundoff * inputMagnitude, "means")
                expectClose(
                    array(reciprocals, R), expected.reciprocals, relative: 16 * Float.unitRoundoff, "reciprocals")
            }

            let expected = Reference.layerNormalizationBackward(
                input, scale: scale, epsilon: epsilon, outputGradient: outputGradient)
            let dx = memory.numbers(before, Float.self)
            let (dScale, dShift) = (memory.output(C, Element.self), memory.output(C, Element.self))
            layerNormalizationBackward(
                x, scale: gain, means: means, reciprocals: reciprocals,
                outputGradient: memory.numbers(outputGradient, Float.self), accumulatingInto: dx,
                scaleGradient: dScale, shiftGradient: dShift, sums: memory.output(2 * C, Float.self), rows: R,
                columns: C)
            // The gradient of a row is a difference of terms near 1, times 1/σ; it is added to values below 4.
            let largest =
                Reference.layerNormalization(input, scale: scale, shift: nil, epsilon: epsilon).reciprocals.max() ?? 0
            expectClose(
                array(dx, R * C), Reference.sum(before, expected.input), absolute: absolute * (1 + 4 * largest),
                "inputGradient")
            // Sums of R products below 16.
            let sumTolerance = Double(R + 1) * 4 * absolute
            expectClose(
                array(dScale, C), expected.scale, absolute: sumTolerance, relative: Element.unitRoundoff,
                "scaleGradient")
            expectClose(
                array(dShift, C), expected.shift, absolute: sumTolerance, relative: Element.unitRoundoff,
                "shiftGradient")
        }
    }
}
