import Kernels
import Numbers
import Tensors
import TestSupport
import Testing

/// The kernels of all optimizers except AdamW, at sizes that are not multiples of the vector size.
@Suite struct DescentTests {
    struct Settings: Sendable { var scale = 1.0, limit = Double.infinity, l1 = 0.0, l2 = 0.0 }

    @Test(
        arguments: ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "lion"],
        [Settings(), Settings(scale: 2, limit: 0.5), Settings(scale: 0.5, l1: 0.25), Settings(l1: 0.125, l2: 0.5)])
    func threeStepsEqualTheReference(rule: String, settings: Settings) {
        for count in [0] + oddSizes {
            check(Float.self, rule, count, settings)
            check(Float16.self, rule, count, settings)
            check(BFloat16.self, rule, count, settings)
        }
    }

    private func check<Element: Storage>(_: Element.Type, _ rule: String, _ count: Int, _ settings: Settings) {
        var (expected, state) = (normals(count, seed: 1), [Double](repeating: 0, count: count))
        if count > 2 { expected[2] = 0 }
        withTestMemory { memory in
            let weights = memory.numbers(expected, Float.self)
            let states = memory.numbers(state, Float.self)
            for step in 1...3 {
                let gradients = normals(count, seed: UInt64(10 + step))
                for i in 0..<count {
                    let g = Reference.adjusted(
                        gradients[i], weight: expected[i], scale: settings.scale, limit: settings.limit,
                        l1: settings.l1, l2: settings.l2)
                    Reference.descent(rule, weight: &expected[i], state: &state[i], gradient: g, rate: 0.01)
                }
                DescentTests.update(
                    rule, weights, states, UnsafePointer(memory.numbers(gradients, Element.self)), count,
                    GradientAdjustment(
                        scale: Float(settings.scale), limit: Float(settings.limit), l1: settings.l1, l2: settings.l2))
            }
            // A few roundings of values up to 20.
            let u = Float.unitRoundoff
            expectClose(array(states, count), state, absolute: 64 * u, relative: 16 * u, "\(rule): state")
            expectClose(array(weights, count), expected, absolute: 16 * u, relative: 4 * u, "\(rule): weights")
        }
    }

    /// Performs one step of the kernel for `rule`, with the coefficients of `Reference.descent`.
    static func update<Element: Storage>(
        _ rule: String, _ weights: UnsafeMutablePointer<Float>, _ state: UnsafeMutablePointer<Float>,
        _ gradients: UnsafePointer<Element>, _ count: Int, _ adjustment: GradientAdjustment
    ) {
        let memory = UpdateMemory(
            weights: weights, states: rule == "sgd" ? [] : [state], gradients: gradients, count: count)
        switch rule {
        case "rmsprop": rmsProp(memory, learningRate: 0.01, alpha: 0.9, epsilon: 1e-3, adjustment)
        case "adagrad": adagrad(memory, learningRate: 0.01, epsilon: 1e-3, adjustment)
        case "lion": lion(memory, learningRate: 0.01, betas: (0.8, 0.9), weightDecay: 0.5, adjustment)
        default:
            let form: MomentumForm = rule == "sgd" ? .none : rule == "momentum" ? .heavyBall : .nesterov
            sgd(memory, learningRate: 0.01, momentum: 0.8, form: form, adjustment)
        }
    }
}
