import Kernels
import TestSupport
import Testing

// R rows, F hidden width.

@Suite struct GatedActivationTests {
    @Test(arguments: oddSizes, [0, 1, 5])
    func equalsTheReference(width: Int, rows: Int) {
        check(Float.self, normals(rows * 2 * width, seed: 1, deviation: 3), width)
        check(Float16.self, normals(rows * 2 * width, seed: 1, deviation: 3), width)
    }

    /// Gates that are shut and wide open.
    @Test func extremes() {
        let gates = [0, -0.0, 1e-40, 20, -20, 100, -100, 1e10, -1e10, .nan]
        check(Float.self, (gates + normals(gates.count, seed: 1)).map { Double(Float($0)) }, gates.count)
    }

    private func check<Element: Storage>(_: Element.Type, _ input: [Double], _ F: Int) {
        let R = input.count / (2 * F)
        let gradient = normals(R * F, seed: 2)
        withTestMemory { memory in
            let (x, y) = (memory.numbers(input, Element.self), memory.output(R * F, Element.self))
            swiGLU(x, into: y, rows: R, width: F)
            // The gate has the errors of silu, 4 units of Float32 at 1, and is multiplied with numbers below 20. Below the
            // normal numbers of Float16 a rounding is absolute: half of 2⁻²⁴.
            let absolute = 20 * 4 * Float.unitRoundoff
            expectClose(
                array(y, R * F), Reference.swiGLU(input, width: F),
                absolute: absolute + (Element.self == Float16.self ? 0x1p-25 : 0),
                relative: Element.unitRoundoff + 8 * Float.unitRoundoff, "swiGLU")

            let dx = memory.output(R * 2 * F, Float.self)
            swiGLUBackward(
                x, outputGradient: memory.numbers(gradient, Float.self), into: dx, rows: R, width: F)
            // Gradients below 5 multiply it; 1 − gate loses its digits where x, up to 20, multiplies it.
            expectClose(
                array(dx, R * 2 * F), Reference.swiGLUBackward(input, outputGradient: gradient, width: F),
                absolute: 5 * 20 * absolute, relative: 8 * Float.unitRoundoff, "swiGLUBackward")
        }
    }
}
