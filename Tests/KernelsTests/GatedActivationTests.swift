import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

// R rows, F feed-forward size.

@Suite struct GatedActivationTests {
    @Test(arguments: oddSizes, [0, 1, 5])
    func equalsTheReference(width: Int, rows: Int) {
        for form in [ActivationForm.silu, .geluTanh] {
            check(Float.self, normals(rows * 2 * width, seed: 1, deviation: 3), width, form)
            check(Float16.self, normals(rows * 2 * width, seed: 1, deviation: 3), width, form)
            check(BFloat16.self, normals(rows * 2 * width, seed: 1, deviation: 3), width, form)
        }
    }

    /// Gates near 0 and gates of large magnitude.
    @Test func handlesExtremes() {
        let gates = [0, -0.0, 1e-40, 20, -20, 100, -100, 1e10, -1e10, .nan]
        check(Float.self, (gates + normals(gates.count, seed: 1)).map { Double(Float($0)) }, gates.count, .silu)
    }

    private func check<Element: Storage>(_: Element.Type, _ input: [Double], _ F: Int, _ form: ActivationForm) {
        let R = input.count / (2 * F)
        let gradient = normals(R * F, seed: 2)
        withTestMemory { memory in
            let (x, y) = (memory.numbers(input, Element.self), memory.output(R * F, Element.self))
            gatedActivation(x, into: y, rows: R, width: F, form: form)
            // The gate has the error of its function, 4 units of Float32 at 1, and is multiplied by values below 20.
            // Rounding to a Float16 denormal has an absolute error of half of 2⁻²⁴.
            let absolute = 20 * 4 * Float.unitRoundoff
            expectClose(
                array(y, R * F), Reference.gatedActivation(input, width: F, form),
                absolute: absolute + (Element.self == Float16.self ? 0x1p-25 : 0),
                relative: Element.unitRoundoff + 8 * Float.unitRoundoff, "\(form)")

            let dx = memory.output(R * 2 * F, Float.self)
            gatedActivationBackward(
                x, outputGradient: memory.numbers(gradient, Float.self), into: dx, rows: R, width: F, form: form)
            // The error is multiplied by gradients below 5; 1 − gate loses precision and is multiplied by x, up to 20.
            expectClose(
                array(dx, R * 2 * F),
                Reference.gatedActivationBackward(input, outputGradient: gradient, width: F, form),
                absolute: 5 * 20 * absolute, relative: 8 * Float.unitRoundoff, "\(form), backward")
        }
    }
}
