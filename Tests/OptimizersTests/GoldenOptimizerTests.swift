import Files
import Kernels
import Numbers
import Optimizers
import TestSupport
import Testing

/// Ten steps of each optimizer against PyTorch.
@Suite struct GoldenOptimizerTests {
    @Test(arguments: OptimizerConfiguration.Kind.allCases)
    func tenStepsEqualPyTorch(kind: OptimizerConfiguration.Kind) throws {
        let golden = try GoldenFile.part("optimizers")
        let cases = try #require(golden["cases"]?.arrayValue).filter { $0["kind"]?.stringValue == kind.rawValue }
        try #require(!cases.isEmpty)
        for golden in cases { try check(kind, golden) }
    }

    private func check(_ kind: OptimizerConfiguration.Kind, _ golden: JSON) throws {
        let shared = try GoldenFile.part("optimizers")
        let start = try #require(shared["weights"]).numbers
        let gradients = try #require(shared["gradients"]?.arrayValue).map(\.numbers)
        let expected = try #require(golden["weights"]?.arrayValue).map(\.numbers)
        let rate = try #require(golden["rate"]?.doubleValue)
        let settings = try #require(golden["settings"])
        let optimizer = makeOptimizer(configuration(kind, settings))
        #expect(optimizer.name == kind.rawValue)
        withTestMemory { memory in
            let weights = memory.numbers(start, Float.self)
            let states = optimizer.stateNames.map { _ in memory.numbers(start.map { _ in 0 }, Float.self) }
            var found: [[Float]] = []
            for (index, gradient) in gradients.enumerated() {
                optimizer.update(
                    UpdateMemory(
                        weights: weights, states: states,
                        gradients: UnsafePointer(memory.numbers(gradient, Float.self)), count: start.count),
                    OptimizerStep(number: index + 1, learningRate: rate))
                found.append(array(weights, start.count))
            }
            for (step, expected) in zip([0, 1, gradients.count - 1], expected) {
                // The tolerance for Float32 against Float64: PyTorch's results in the two precisions differ as much.
                expectClose(found[step], expected, absolute: 1e-5, "\(kind) \(settings), step \(step + 1)")
            }
        }
    }

    private func configuration(_ kind: OptimizerConfiguration.Kind, _ settings: JSON) -> OptimizerConfiguration {
        var configuration = OptimizerConfiguration()
        configuration.kind = kind
        func set(_ name: String, _ property: WritableKeyPath<OptimizerConfiguration, Double>) {
            if let value = settings[name]?.doubleValue { configuration[keyPath: property] = value }
        }
        configuration.weightDecay = 0
        set("momentum", \.momentum)
        set("alpha", \.alpha)
        set("epsilon", \.epsilon)
        set("weight_decay", \.weightDecay)
        set("l1", \.l1)
        set("l2", \.l2)
        if let betas = settings["betas"]?.numbers { configuration.betas = betas }
        return configuration
    }
}

/// Properties of every optimizer.
@Suite struct OptimizerTests {
    private static let count = 101

    /// Updating ranges separately yields the bits of one update of all weights, for both gradient types.
    @Test(arguments: OptimizerConfiguration.Kind.allCases)
    func rangesCanBeUpdatedSeparately(kind: OptimizerConfiguration.Kind) {
        for border in [1, 16, 50, 96] {
            let ranges = [border..<OptimizerTests.count, 0..<border]
            #expect(updated(kind, Float.self, ranges) == updated(kind, Float.self, [0..<OptimizerTests.count]))
            #expect(updated(kind, Float16.self, ranges) == updated(kind, Float16.self, [0..<OptimizerTests.count]))
        }
    }

    /// Gradients are scaled and clipped before penalties are added.
    @Test(arguments: OptimizerConfiguration.Kind.allCases)
    func adjustsGradientsBeforePenalties(kind: OptimizerConfiguration.Kind) {
        let whole = [0..<OptimizerTests.count]
        let penalized = updated(kind, Float.self, whole, l2: 0.5)
        #expect(penalized != updated(kind, Float.self, whole, l2: 0))
        // With a limit of 0, only the gradient of the penalty remains.
        let none = updated(kind, Float.self, whole, limit: 0, l2: 0.5)
        #expect(none == updated(kind, Float.self, whole, scale: 0, l2: 0.5))
        #expect(none != updated(kind, Float.self, whole, limit: 0, l2: 0))
    }

    private func updated<Element: Storage>(
        _ kind: OptimizerConfiguration.Kind, _: Element.Type, _ ranges: [Range<Int>], scale: Float = 0.5,
        limit: Float = 1, l2: Double = 0.1
    ) -> [[Float]] {
        var configuration = OptimizerConfiguration()
        configuration.kind = kind
        (configuration.l1, configuration.l2) = (0, l2)
        let optimizer = makeOptimizer(configuration)
        let count = OptimizerTests.count
        return withTestMemory { memory in
            let weights = memory.numbers(normals(count, seed: 1), Float.self)
            let states = optimizer.stateNames.map { _ in
                memory.numbers([Double](repeating: 0, count: count), Float.self)
            }
            for step in 1...3 {
                let gradients = memory.numbers(normals(count, seed: UInt64(1 + step)), Element.self)
                for range in ranges {
                    optimizer.update(
                        UpdateMemory(
                            weights: weights + range.lowerBound, states: states, stateStart: range.lowerBound,
                            gradients: UnsafePointer(gradients + range.lowerBound), count: range.count),
                        OptimizerStep(number: step, learningRate: 0.1, gradientScale: scale, gradientLimit: limit))
                }
            }
            return [array(weights, count)] + states.map { array($0, count) }
        }
    }
}
