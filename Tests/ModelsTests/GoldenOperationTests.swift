import Kernels
import Numbers
import Optimizers
import TestSupport
import Testing

/// Single operations against PyTorch.
@Suite struct GoldenOperationTests {
    private let file: GoldenFile
    /// Golden values are Float64 results rounded to Float32; a kernel adds a few roundings.
    private let tolerance = 16 * Float.unitRoundoff

    init() throws { file = try GoldenFile("operations") }

    @Test(arguments: [(ActivationForm.geluTanh, "gelu_tanh"), (.geluExact, "gelu_exact")])
    func gelu(form: ActivationForm, name: String) throws {
        let input = try file.numbers("\(name)/input")
        try withTestMemory { memory in
            let x = memory.numbers(input, Float.self)
            let gradient = memory.numbers(try file.numbers("\(name)/output_gradient"), Float.self)
            let output = memory.output(input.count, Float.self)
            activate(x, into: output, count: input.count, form: form)
            activationBackward(x, outputGradient: gradient, into: gradient, count: input.count, form: form)
            expectClose(
                array(output, input.count), try file.numbers("\(name)/output"), absolute: tolerance,
                relative: tolerance, "golden \(name)")
            expectClose(
                array(gradient, input.count), try file.numbers("\(name)/input_gradient"),
                absolute: 40 * Float.unitRoundoff, relative: tolerance, "golden \(name) gradient")
        }
    }

    @Test func layerNormalization() throws {
        let (rows, columns) = (5, 19)
        try withTestMemory { memory in
            func tensor(_ name: String) throws -> UnsafeMutablePointer<Float> {
                memory.numbers(try file.numbers("layer_norm/\(name)"), Float.self)
            }
            func expect(_ actual: UnsafeMutablePointer<Float>, _ name: String) throws {
                let expected = try file.numbers("layer_norm/\(name)")
                expectClose(
                    array(actual, expected.count), expected, absolute: tolerance, relative: tolerance,
                    "golden layer_norm \(name)")
            }
            let (x, scale) = (try tensor("input"), try tensor("scale"))
            let (means, reciprocals) = (memory.output(rows, Float.self), memory.output(rows, Float.self))
            let output = memory.output(rows * columns, Float.self)
            Kernels.layerNormalization(
                x, scale: scale, shift: try tensor("shift"), into: output, means: means, reciprocals: reciprocals,
                rows: rows, columns: columns)
            try expect(output, "output")
            let dx = memory.numbers([Double](repeating: 0, count: rows * columns), Float.self)
            let (dScale, dShift) = (memory.output(columns, Float.self), memory.output(columns, Float.self))
            layerNormalizationBackward(
                x, scale: scale, means: means, reciprocals: reciprocals, outputGradient: try tensor("output_gradient"),
                accumulatingInto: dx, scaleGradient: dScale, shiftGradient: dShift,
                sums: memory.output(2 * columns, Float.self), rows: rows, columns: columns)
            try expect(dx, "input_gradient")
            try expect(dScale, "scale_gradient")
            try expect(dShift, "shift_gradient")
        }
    }

    @Test func causalAttention() throws {
        let (sequences, heads, positions, headWidth) = (2, 3, 7, 5)
        let width = heads * headWidth
        let rows = sequences * positions
        let attention = Attention(headCount: heads, headWidth: headWidth)
        let mask = AttentionMask(isCausal: true)
        try withTestMemory { memory in
            let x = memory.numbers(try file.numbers("causal_attention/query_key_value"), Float.self)
            let dy = memory.numbers(try file.numbers("causal_attention/output_gradient"), Float.self)
            let (y, dx) = (memory.output(rows * width, Float.self), memory.output(rows * 3 * width, Float.self))
            let sums = memory.output(rows * heads, Float.self)
            attention.forward(
                AttentionRows(sideBySide: x, queryWidth: width, keyWidth: width), into: y, logSums: sums,
                sequences: sequences, queries: positions, keys: positions, mask: mask)
            attention.backward(
                AttentionRows(sideBySide: x, queryWidth: width, keyWidth: width), output: y, logSums: sums,
                outputGradient: dy, into: AttentionRows(sideBySide: dx, queryWidth: width, keyWidth: width),
                sequences: sequences, queries: positions, keys: positions, mask: mask)
            expectClose(
                array(y, rows * width), try file.numbers("causal_attention/output"), absolute: tolerance,
                "golden attention")
            expectClose(
                array(dx, rows * 3 * width), try file.numbers("causal_attention/query_key_value_gradient"),
                absolute: tolerance, relative: tolerance, "golden attention gradient")
        }
    }

    @Test func crossEntropy() throws {
        let (logits, targets) = (try file.numbers("cross_entropy/logits"), try file.integers("cross_entropy/targets"))
        let counted = Double(targets.count { $0 >= 0 })
        try withTestMemory { memory in
            let (x, losses) = (memory.numbers(logits, Float.self), memory.output(targets.count, Float.self))
            crossEntropyWithGradient(
                x, targets: memory.integers(targets), gradientScale: Float(1 / counted), losses: losses,
                rows: targets.count, vocabulary: logits.count / targets.count)
            let loss = array(losses, targets.count).reduce(0) { $0 + Double($1) } / counted
            expectClose(loss, try file.numbers("cross_entropy/loss")[0], relative: tolerance, "golden loss")
            expectClose(
                array(x, logits.count), try file.numbers("cross_entropy/logits_gradient"), absolute: tolerance,
                "golden loss gradient")
        }
    }

    @Test func adamW() throws {
        var configuration = OptimizerConfiguration()
        (configuration.betas, configuration.epsilon, configuration.weightDecay) = ([0.9, 0.95], 1e-8, 0.1)
        let gradients = try file.numbers("adamw/gradients")
        try withTestMemory { memory in
            let weights = memory.numbers(try file.numbers("adamw/weights"), Float.self)
            let states = (0..<2).map { _ in memory.numbers([Double](repeating: 0, count: 7), Float.self) }
            for step in 1...2 {
                makeOptimizer(configuration).update(
                    UpdateMemory(
                        weights: weights, states: states,
                        gradients: UnsafePointer(
                            memory.numbers(Array(gradients[(step - 1) * 7..<step * 7]), Float.self)), count: 7),
                    OptimizerStep(number: step, learningRate: 1e-2))
                for (actual, name) in zip([weights] + states, ["weights", "first_moment", "second_moment"]) {
                    expectClose(
                        array(actual, 7), try file.numbers("adamw/\(name)_after_\(step)"),
                        absolute: 2 * Float.unitRoundoff, relative: tolerance, "golden adamw \(name)")
                }
            }
        }
    }

    @Test func clipping() throws {
        for name in ["long", "short"] {
            let gradient = try file.numbers("clip/\(name)")
            let norm = Reference.sumOfSquares(gradient).squareRoot()
            expectClose(norm, try file.numbers("clip/\(name)_norm")[0], relative: tolerance)
            expectClose(
                Reference.scaled(gradient, by: Clipping.factor(norm: norm, limit: 1)),
                try file.numbers("clip/\(name)_by_norm"), relative: tolerance, "golden clip \(name)")
        }
        // Value clipping is part of the update: after one step with β₁ = 0, the first moment is the clipped gradient.
        let gradient = try file.numbers("clip/long")
        var configuration = OptimizerConfiguration()
        configuration.betas = [0, 0.95]
        try withTestMemory { memory in
            let zeros = [Double](repeating: 0, count: gradient.count)
            let (weights, states) = (
                memory.numbers(zeros, Float.self), (0..<2).map { _ in memory.numbers(zeros, Float.self) }
            )
            makeOptimizer(configuration).update(
                UpdateMemory(
                    weights: weights, states: states, gradients: UnsafePointer(memory.numbers(gradient, Float.self)),
                    count: gradient.count),
                OptimizerStep(number: 1, learningRate: 1e-2, gradientLimit: 0.5))
            expectClose(array(states[0], gradient.count), try file.numbers("clip/long_by_value"))
        }
    }
}
