import Kernels
import Models
import Numbers
import Optimizers
import Tensors
import TestSupport
import Testing

/// Ten AdamW steps against PyTorch, with gradients clipped to global norm 1.
@Suite struct GoldenTrainingTests {
    private struct Run {
        var losses: [Double] = []
        var norms: [Double] = []
        var final: [String: [Double]] = [:]
    }

    @Test(arguments: GoldenModel.all.filter(\.trains))
    func float32TrainingMatchesPyTorch(golden: GoldenModel) throws {
        let file = try GoldenFile(golden.name)
        let run = try train(golden, file, Float.self, lossScale: 1)
        expectClose(run.losses, try file.numbers("losses"), absolute: 1e-5, "golden losses")
        expectClose(run.norms, try file.numbers("gradient_norms"), relative: 1e-5, "golden norms")
        for name in run.final.keys.sorted() {
            let visible = golden.configuration.visible(name)
            expectClose(
                visible(run.final[name]!), visible(try file.numbers("final/\(name)")), absolute: 1e-5,
                "golden final \(name)")
        }
    }

    /// Float16 weights, activations and gradients, with Float32 master weights. A gradient near zero may have the wrong
    /// sign, to which AdamW responds with a step of up to the learning rate (1e-2, ten times): only the norm of all
    /// weights is close. PyTorch in Float64, with weights rounded to Float16 and 0.4 % noise on each gradient, deviates
    /// at least as much.
    @Test(arguments: GoldenModel.all.filter(\.trains))
    func float16TrainingIsCloseToPyTorch(golden: GoldenModel) throws {
        try checkTraining(golden, Float16.self, lossScale: 1024, losses: 0.02, norms: 0.03, final: 0.03)
    }

    /// bfloat16 has three bits less.
    @Test(arguments: GoldenModel.all.filter(\.trains))
    func bfloat16TrainingIsCloseToPyTorch(golden: GoldenModel) throws {
        try checkTraining(golden, BFloat16.self, lossScale: 1, losses: 0.1, norms: 0.2, final: 0.1)
    }

    private func checkTraining<Element: Storage>(
        _ golden: GoldenModel, _: Element.Type, lossScale: Double, losses: Double, norms: Double, final: Double
    ) throws {
        let file = try GoldenFile(golden.name)
        let run = try train(golden, file, Element.self, lossScale: lossScale)
        expectClose(run.losses, try file.numbers("losses"), absolute: losses, "golden losses")
        expectClose(run.norms, try file.numbers("gradient_norms"), relative: norms, "golden norms")
        for name in run.final.keys.sorted() {
            let visible = golden.configuration.visible(name)
            expectCloseInNorm(
                visible(run.final[name]!), visible(try file.numbers("final/\(name)")), relative: final,
                "golden final \(name)")
        }
    }

    private func train<Element: Storage>(
        _ golden: GoldenModel, _ file: GoldenFile, _: Element.Type, lossScale: Double
    ) throws -> Run {
        let model = golden.model(Element.self)
        let layout = model.layout
        let masters = try golden.weights(file, layout, Float.self)
        let (weights, gradients) = (Arena<Element>(count: layout.count), Arena<Element>(count: layout.count))
        var configuration = OptimizerConfiguration()
        (configuration.betas, configuration.epsilon, configuration.weightDecay) = ([0.9, 0.95], 1e-8, 0.1)
        let rules = try ParameterRules(configuration, layout)
        let states = makeOptimizer(configuration).stateNames.map { _ in Arena<Float>(count: layout.count) }

        var run = Run()
        for step in 1...10 {
            convert(UnsafePointer(masters.base), into: weights.base, count: layout.count)
            let batch = try golden.batch(file, step: step - 1)
            let count = Double(batch.targetRows.count)
            let losses = model.pass(weights, batch, golden.loss, into: gradients, gradientScale: lossScale / count)
            run.losses.append(losses.reduce(0) { $0 + Double($1) } / count)
            let norm = sumOfSquares(gradients.base, count: layout.count).squareRoot() / lossScale
            run.norms.append(norm)
            let factor = Clipping.factor(norm: norm, limit: 1) / lossScale
            for (parameter, rule) in zip(layout.parameters, rules.indices) {
                rules.rules[rule!].optimizer.update(
                    UpdateMemory(
                        weights: masters.base + parameter.offset, states: states.map(\.base),
                        stateStart: parameter.offset, gradients: UnsafePointer(gradients.base + parameter.offset),
                        count: parameter.count),
                    OptimizerStep(number: step, learningRate: 1e-2, gradientScale: Float(factor)))
            }
        }
        run.final = layout.named(masters)
        withExtendedLifetime((gradients, states)) {}
        return run
    }
}
