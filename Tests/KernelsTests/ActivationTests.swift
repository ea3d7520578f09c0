import Kernels
import TestSupport
import Testing

@Suite struct ActivationTests {
    /// The tanh gate's argument 2u grows like x³, and its rounding errors grow with it, but where |2u| is large the gate is
    /// 0 or 1; the exact form's Φ is within 3e-7. What is left of either stays below 4 units of Float32 at 1.
    private let absolute = 4 * 0x1p-23

    @Test(arguments: ActivationForm.allCases, oddSizes)
    func equalsTheReference(form: ActivationForm, count: Int) {
        check(Float.self, normals(count, seed: 1, deviation: 3), form)
        check(Float16.self, normals(count, seed: 1, deviation: 3), form)
    }

    @Test(arguments: ActivationForm.allCases)
    func denselyOverItsRange(form: ActivationForm) {
        check(Float.self, (-60_000...60_000).map { Double(Float($0) / 4000) }, form)
    }

    @Test(arguments: ActivationForm.allCases)
    func extremes(form: ActivationForm) {
        let extremes = [0, -0.0, 1e-40, -1e-40, 1e-45, 20, -20, 100, -100, 101, -101, 1e10, -1e10, 1e30, -1e30, .nan]
        check(Float.self, extremes.map { Double(Float($0)) }, form)
        check(Float16.self, [0, -0.0, 6e-8, -6e-8, 65504, -65504, .nan].map { Double(Float16($0)) }, form)
    }

    /// What tanh makes of small numbers has all its digits.
    @Test func tanhIsRelativelyExact() {
        let input = (-40_000...40_000).filter { $0 != 0 }.map { Double(Float($0) / 10_000) }
        withTestMemory { memory in
            let x = memory.numbers(input, Float.self)
            activate(x, into: x, count: input.count, form: .tanh)
            expectClose(
                array(x, input.count), input.map { Reference.activation($0, .tanh) }, relative: 6 * Float.unitRoundoff)
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ input: [Double], _ form: ActivationForm) {
        let count = input.count
        let expected = input.map { Reference.activation($0, form) }
        let relative = Element.unitRoundoff + 4 * Float.unitRoundoff
        withTestMemory { memory in
            let (x, y) = (memory.numbers(input, Element.self), memory.output(count, Element.self))
            activate(x, into: y, count: count, form: form)
            // Below the normal numbers of Float16 a rounding is absolute: half of 2⁻²⁴.
            let absolute = absolute + (Element.self == Float16.self ? 0x1p-25 : 0)
            expectClose(array(y, count), expected, absolute: absolute, relative: relative, "activate \(form)")

            let gradient = normals(count, seed: 2)
            let dy = memory.numbers(gradient, Float.self)
            activationBackward(x, dy, count: count, form: form)
            // 1 − gate loses its digits where the gate is near 1; x · 2u′, up to 35 there, multiplies what is lost, and the
            // incoming gradient, below 5, all of it.
            expectClose(
                array(dy, count), zip(input, gradient).map { Reference.activationDerivative($0, form) * $1 },
                absolute: 5 * 40 * Float.unitRoundoff, relative: 4 * Float.unitRoundoff, "activationBackward \(form)")

            activate(x, into: x, count: count, form: form)
            // A denormal gate counts as zero on threads that a test of theirs has started, and only there.
            expectClose(array(x, count), array(y, count).map(Double.init), absolute: 0x1p-120, "in place")
        }
    }
}
