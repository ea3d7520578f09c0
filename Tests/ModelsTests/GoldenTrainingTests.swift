import Kernels
import Models
import Optimizers
import Tensors
import TestSupport
import Testing

/// Ten AdamW steps against PyTorch's, clipped to the norm 1 of all gradients together.
@Suite struct GoldenTrainingTests {
    private struct Run {
        var losses: [Double] = []
        var norms: [Double] = []
        var final: [String: [Double]] = [:]
    }

    @Test func float32() throws {
        let file = try GoldenFile("decoder")
        let run = try train(file, Float.self, lossScale: 1)
        expectClose(run.losses, try file.numbers("losses"), absolute: 1e-5, "golden losses")
        expectClose(run.norms, try file.numbers("gradient_norms"), relative: 1e-5, "golden norms")
        for name in run.final.keys.sorted() {
            expectClose(
                visible(name, run.final[name]!), visible(name, try file.numbers("final/\(name)")), absolute: 1e-5,
                "golden final \(name)")
        }
    }

    /// Float16 weights, activations and gradients over Float32 masters. A gradient near zero may have the other sign, and
    /// AdamW makes a step of up to the learning rate of it, ten times 1e-2: weights are close in the mean alone.
    @Test func float16() throws {
        let file = try GoldenFile("decoder")
        let run = try train(file, Float16.self, lossScale: 1024)
        expectClose(run.losses, try file.numbers("losses"), absolute: 1e-3, "golden losses")
        expectClose(run.norms, try file.numbers("gradient_norms"), relative: 2e-3, "golden norms")
        for name in run.final.keys.sorted() {
            expectCloseInNorm(
                visible(name, run.final[name]!), visible(name, try file.numbers("final/\(name)")), relative: 0.02,
                "golden final \(name)")
        }
    }

    private func train<Element: Storage>(_ file: GoldenFile, _: Element.Type, lossScale: Double) throws -> Run {
        let decoder = GoldenDecoderTests.decoder("decoder", Element.self)
        let layout = decoder.layout
        let masters = try GoldenDecoderTests.weights(file, layout, Float.self)
        let (weights, gradients) = (Arena<Element>(count: layout.count), Arena<Element>(count: layout.count))
        var configuration = OptimizerConfiguration()
        (configuration.betas, configuration.epsilon, configuration.weightDecay) = ([0.9, 0.95], 1e-8, 0.1)
        let optimizer = makeOptimizer(configuration)
        let states = optimizer.stateNames.map { _ in Arena<Float>(count: layout.count) }
        let (inputs, targets) = (try file.integers("step_inputs"), try file.integers("step_targets"))

        var run = Run()
        for step in 1...10 {
            convert(UnsafePointer(masters.base), into: weights.base, count: layout.count)
            let batch = (step - 1) * 24..<step * 24
            let rows = TokenRows(tokens: Array(inputs[batch]), targets: Array(targets[batch]), positions: 8)
            let losses = decoder.pass(
                weights, rows, into: gradients, gradientScale: lossScale / Double(rows.targetCount))
            run.losses.append(losses.reduce(0) { $0 + Double($1) } / Double(rows.targetCount))
            let norm = sumOfSquares(gradients.base, count: layout.count).squareRoot() / lossScale
            run.norms.append(norm)
            let factor = Clipping.factor(norm: norm, limit: 1) / lossScale
            for parameter in layout.parameters {
                optimizer.update(
                    masters.base + parameter.offset, states: states.map(\.base), stateStart: parameter.offset,
                    gradients: UnsafePointer(gradients.base + parameter.offset), count: parameter.count,
                    decays: parameter.decays,
                    OptimizerStep(number: step, learningRate: 1e-2, gradientScale: Float(factor)))
            }
        }
        run.final = layout.named(masters)
        withExtendedLifetime((gradients, states)) {}
        return run
    }

    /// Without the keys' third of a packed bias: its gradient is zero, and AdamW scales rounding noise up.
    private func visible(_ name: String, _ values: [Double]) -> [Double] {
        if !name.hasSuffix("query_key_value.bias") { return values }
        let third = values.count / 3
        return Array(values[..<third] + values[(2 * third)...])
    }
}
