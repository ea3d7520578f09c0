import Kernels
import Numbers
import Optimizers
import TestSupport
import Testing

@Suite struct AdamWTests {
    private static let count = 101

    private struct State: Equatable {
        var weights: [Float]
        var moments: [[Float]]
    }

    private func configuration(decay: Double) -> OptimizerConfiguration {
        var configuration = OptimizerConfiguration()
        configuration.betas = [0.8, 0.99]
        configuration.epsilon = 1e-6
        configuration.weightDecay = decay
        return configuration
    }

    /// Returns the state after two steps, each of which updates `ranges` in order.
    private func updated<Element: Storage>(
        _: Element.Type, ranges: [Range<Int>], decay: Double = 0.5, scale: Float = 1, limit: Float = .infinity
    ) -> State {
        let optimizer = makeOptimizer(configuration(decay: decay))
        return withTestMemory { memory in
            let weights = memory.numbers(normals(AdamWTests.count, seed: 1), Float.self)
            let states = optimizer.stateNames.map { _ in
                memory.numbers([Double](repeating: 0, count: AdamWTests.count), Float.self)
            }
            for step in 1...2 {
                let gradients = memory.numbers(normals(AdamWTests.count, seed: UInt64(1 + step)), Element.self)
                for range in ranges {
                    optimizer.update(
                        UpdateMemory(
                            weights: weights + range.lowerBound, states: states, stateStart: range.lowerBound,
                            gradients: UnsafePointer(gradients + range.lowerBound), count: range.count),
                        OptimizerStep(number: step, learningRate: 0.1, gradientScale: scale, gradientLimit: limit))
                }
            }
            return State(
                weights: array(weights, AdamWTests.count), moments: states.map { array($0, AdamWTests.count) })
        }
    }

    static let settings: [(decay: Double, scale: Double, limit: Double)] = [
        (0.5, 1, .infinity), (0, 1, .infinity), (0.5, 0.25, .infinity), (0.5, 2, 0.5),
    ]

    @Test(arguments: settings)
    func twoStepsEqualTheReference(decay: Double, scale: Double, limit: Double) {
        var expected = Reference.AdamW(weights: normals(AdamWTests.count, seed: 1))
        expected.betas = (0.8, 0.99)
        expected.epsilon = 1e-6
        for step in 1...2 {
            expected.update(
                step: step, gradients: normals(AdamWTests.count, seed: UInt64(1 + step)), learningRate: 0.1,
                weightDecay: decay, gradientScale: scale, gradientLimit: limit)
        }
        let whole = [0..<AdamWTests.count]
        for actual in [
            updated(Float.self, ranges: whole, decay: decay, scale: Float(scale), limit: Float(limit)),
            updated(Float16.self, ranges: whole, decay: decay, scale: Float(scale), limit: Float(limit)),
        ] {
            // A few rounding errors of values near 1, and two steps of size 0.1.
            expectClose(actual.weights, expected.weights, absolute: 16 * Float.unitRoundoff, "weights")
            expectClose(actual.moments[0], expected.firstMoments, absolute: 16 * Float.unitRoundoff, "first moment")
            expectClose(actual.moments[1], expected.secondMoments, relative: 32 * Float.unitRoundoff, "second moment")
        }
    }

    /// Updating ranges separately yields the bits of one update of all weights, and elements outside a range are
    /// unchanged.
    @Test(arguments: [1, 16, 17, 50, 96, 100])
    func rangesCanBeUpdatedSeparately(border: Int) {
        let whole = updated(Float.self, ranges: [0..<AdamWTests.count])
        #expect(updated(Float.self, ranges: [0..<border, border..<AdamWTests.count]) == whole)
        #expect(updated(Float.self, ranges: [border..<AdamWTests.count, 0..<border]) == whole)
        #expect(
            updated(Float.self, ranges: [0..<border]).weights[border...]
                == updated(Float.self, ranges: []).weights[border...])
    }

    @Test func hasTwoStates() {
        #expect(makeOptimizer(OptimizerConfiguration()).stateNames == ["first_moment", "second_moment"])
    }
}
