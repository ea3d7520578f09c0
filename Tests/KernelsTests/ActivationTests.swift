import Kernels
import Numbers
import Tensors
import TestSupport
import Testing
import Threads

@Suite struct ActivationTests {
    /// The absolute error bound. The argument 2u of the tanh gate grows like x³, and so do its rounding errors, but for
    /// large |2u| the gate is 0 or 1; Φ of the exact form is within 3e-7. Both errors stay below 4 units of Float32 at
    /// 1.
    private let absolute = 4 * 0x1p-23

    @Test(arguments: ActivationForm.allCases, oddSizes)
    func equalsTheReference(form: ActivationForm, count: Int) {
        check(Float.self, normals(count, seed: 1, deviation: 3), form)
        check(Float16.self, normals(count, seed: 1, deviation: 3), form)
        check(BFloat16.self, normals(count, seed: 1, deviation: 3), form)
    }

    @Test(arguments: ActivationForm.allCases)
    func equalsTheReferenceOnADenseGrid(form: ActivationForm) {
        check(Float.self, (-60_000...60_000).map { Double(Float($0) / 4000) }, form)
    }

    @Test(arguments: ActivationForm.allCases)
    func handlesExtremes(form: ActivationForm) {
        let extremes = [0, -0.0, 1e-40, -1e-40, 1e-45, 20, -20, 100, -100, 101, -101, 1e10, -1e10, 1e30, -1e30, .nan]
        check(Float.self, extremes.map { Double(Float($0)) }, form)
        check(Float16.self, [0, -0.0, 6e-8, -6e-8, 65504, -65504, .nan].map { Double(Float16($0)) }, form)
    }

    /// For small x, tanh x has a small relative error.
    @Test func tanhHasASmallRelativeError() {
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
            // Rounding to a Float16 denormal has an absolute error of half of 2⁻²⁴.
            let absolute = absolute + (Element.self == Float16.self ? 0x1p-25 : 0)
            expectClose(array(y, count), expected, absolute: absolute, relative: relative, "activate \(form)")

            let gradient = normals(count, seed: 2)
            let dy = memory.numbers(gradient, Float.self)
            let rounded = memory.output(count, BFloat16.self)
            activationBackward(x, outputGradient: dy, into: rounded, count: count, form: form)
            activationBackward(x, outputGradient: dy, into: dy, count: count, form: form)
            // One instruction rounds to bfloat16, and flushes denormals.
            expectClose(
                array(rounded, count), array(dy, count).map(Double.init), absolute: 0x1p-126,
                relative: BFloat16.unitRoundoff, "rounded activationBackward \(form)")
            // 1 − gate loses precision for a gate near 1; the error is multiplied by x · 2u′, at most 35 there, and by
            // the incoming gradient, below 5.
            expectClose(
                array(dy, count), zip(input, gradient).map { Reference.activationDerivative($0, form) * $1 },
                absolute: 5 * 40 * Float.unitRoundoff, relative: 4 * Float.unitRoundoff, "activationBackward \(form)")

            activate(x, into: x, count: count, form: form)
            // On a test thread on which `Processor.prepareThread` was called, denormal gates are flushed to zero.
            expectClose(array(x, count), array(y, count).map(Double.init), absolute: 0x1p-120, "in place")
        }
    }
}
