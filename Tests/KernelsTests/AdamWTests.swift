import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

@Suite struct AdamWTests {
    struct Settings: Sendable { var decay = 0.1, scale = 1.0, limit = Double.infinity }

    @Test(
        arguments: [0] + oddSizes,
        [Settings(), Settings(decay: 0), Settings(scale: 0.125), Settings(scale: 2, limit: 0.5)])
    func threeStepsEqualTheReference(count: Int, settings: Settings) {
        check(Float.self, count, settings)
        check(Float16.self, count, settings)
        check(BFloat16.self, count, settings)
    }

    private func check<Element: Storage>(_: Element.Type, _ count: Int, _ settings: Settings) {
        var expected = Reference.AdamW(weights: normals(count, seed: 1))
        withTestMemory { memory in
            let weights = memory.numbers(expected.weights, Float.self)
            let first = memory.numbers(expected.firstMoments, Float.self)
            let second = memory.numbers(expected.secondMoments, Float.self)
            for step in 1...3 {
                let gradients = normals(count, seed: UInt64(10 + step))
                let limit = Float(settings.limit)
                adamW(
                    UpdateMemory(
                        weights: weights, states: [first, second],
                        gradients: UnsafePointer(memory.numbers(gradients, Element.self)), count: count),
                    AdamWStep(
                        step: step, learningRate: 0.01, betas: (0.9, 0.95), epsilon: 1e-8,
                        weightDecay: settings.decay, gradientScale: Float(settings.scale), gradientLimit: limit))
                expected.update(
                    step: step, gradients: gradients, learningRate: 0.01, weightDecay: settings.decay,
                    gradientScale: settings.scale, gradientLimit: Double(limit))
            }
            // β, 1 − β and the bias corrections are each rounded to Float32: a few units in each moment. A first moment
            // near zero is a difference, so its error is relative to the gradients; it changes a weight by at most one
            // step size.
            let size = min(settings.limit, 4 * settings.scale)
            let u = Float.unitRoundoff
            expectClose(array(first, count), expected.firstMoments, absolute: 8 * u * size, "first moment")
            expectClose(array(second, count), expected.secondMoments, relative: 16 * u, "second moment")
            expectClose(array(weights, count), expected.weights, absolute: 16 * u * 0.03, relative: 4 * u, "weights")
        }
    }

    /// With a zero gradient only weight decay changes a weight; NaN propagates.
    @Test func handlesZeroAndNaN() {
        withTestMemory { memory in
            let weights = memory.numbers([1, 1], Float.self)
            let (first, second) = (memory.numbers([0, 0], Float.self), memory.numbers([0, 0], Float.self))
            adamW(
                UpdateMemory(
                    weights: weights, states: [first, second],
                    gradients: UnsafePointer(memory.numbers([0, .nan], Float.self)), count: 2),
                AdamWStep(
                    step: 1, learningRate: 0.5, betas: (0.9, 0.95), epsilon: 1e-8, weightDecay: 0.5, gradientScale: 1,
                    gradientLimit: 1))
            #expect(weights[0] == 0.75 && weights[1].isNaN)
        }
    }
}
