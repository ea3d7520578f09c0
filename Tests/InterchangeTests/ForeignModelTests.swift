import Checkpoints
import Files
import Glibc
import Interchange
import Kernels
import Layers
import Models
import Objectives
import Optimizers
import Tensors
import TestSupport
import Testing

/// Models of random sizes that `Tests/Scripts/models` makes with transformers, which also reads what is exported here.
///
/// The script sets `DTRAIN_FOREIGN_MODELS` to their directory; without it there is nothing to test.
@Suite(.enabled(if: getenv("DTRAIN_FOREIGN_MODELS") != nil)) struct ForeignModelTests {
    /// The largest differences from transformers.
    private struct Differences {
        var logits: Float = 0
        var trained: Float = 0
    }

    @Test func computeAndTrainAsInTransformers() throws {
        let directory = String(cString: try #require(getenv("DTRAIN_FOREIGN_MODELS")))
        var classes: [(name: String, worst: Differences)] = []
        for name in try FileSystem.list(directory).sorted() {
            let golden = GoldenModel(directory: "\(directory)/\(name)")
            let loaded = try LoadedModel(golden.directory)
            let expected = try golden.example("logits", Float.self)
            let row = try #require(golden.shape("logits")?.last)
            let rows = try self.rows(golden, expected.count / row)
            let logits = try loaded.logits(golden)
            let changed = largest(rows.flatMap { row * $0..<row * ($0 + 1) }) { abs(logits[$0] - expected[$0]) }
            let writer = try ModelWriter(
                loaded.reader.modelClass, loaded.reader.model, to: "\(golden.directory)/exported")
            try writer.write(loaded.layout, loaded.weights)
            try train(loaded, golden)
            let trained = try LoadedModel("\(golden.directory)/trained")
            let difference = largest(Array(0..<loaded.layout.count)) {
                abs(loaded.weights.base[$0] - trained.weights.base[$0])
            }
            // Some models amplify rounding errors, as their errors in PyTorch tell.
            let rounding = try golden.example("rounding", Float.self)
            #expect(
                changed < 1e-5 + 8 * rounding[0] && difference < 1e-5 + 8 * rounding[1],
                "\(name): logits \(changed), trained weights \(difference); in PyTorch \(rounding)")
            if classes.last?.name != loaded.reader.modelClass.name {
                classes.append((loaded.reader.modelClass.name, Differences()))
            }
            let last = classes.count - 1
            classes[last].worst.logits = max(classes[last].worst.logits, changed)
            classes[last].worst.trained = max(classes[last].worst.trained, difference)
        }
        for (name, worst) in classes {
            print(
                "\(name): largest difference of logits \(worst.logits), of weights after three steps \(worst.trained)")
        }
    }

    private func largest(_ indices: [Int], _ value: (Int) -> Float) -> Float { indices.map(value).max() ?? 0 }

    /// The rows of logits that are no padding.
    private func rows(_ golden: GoldenModel, _ count: Int) throws -> [Int] {
        guard try golden.shape("lengths") != nil, try golden.shape("sources") == nil, count > 2 else {
            return Array(0..<count)
        }
        let (lengths, positions) = (try golden.example("lengths", Int32.self), count / 2)
        return (0..<count).filter { $0 % positions < Int(lengths[$0 / positions]) }
    }

    /// Three steps of AdamW with the example's targets, as `models.py` computes them.
    private func train(_ loaded: LoadedModel, _ golden: GoldenModel) throws {
        var configuration = OptimizerConfiguration()
        (configuration.betas, configuration.epsilon, configuration.weightDecay) = ([0.9, 0.95], 1e-2, 0.1)
        // transformers keeps this bias, but does not train it.
        if loaded.reader.model.configuration.family == .encoderDecoder, loaded.reader.model.configuration.headBias {
            configuration.freeze = ["head.bias"]
        }
        let layout = loaded.layout
        let rules = try ParameterRules(configuration, layout)
        let states = makeOptimizer(configuration).stateNames.map { _ in Arena<Float>(count: layout.count) }
        let gradients = Arena<Float>(count: layout.count)
        let targets = try golden.example("targets", Int32.self).map { $0 < 0 ? ignoredTarget : $0 }
        let count = targets.count { $0 != ignoredTarget }
        for step in 1...3 {
            try loaded.backward(golden, targets, gradientScale: 1 / Float(count), into: gradients)
            for (parameter, rule) in zip(layout.parameters, rules.indices) {
                guard let rule else { continue }
                rules.rules[rule].optimizer.update(
                    UpdateMemory(
                        weights: loaded.weights.base + parameter.offset, states: states.map(\.base),
                        stateStart: parameter.offset, gradients: UnsafePointer(gradients.base + parameter.offset),
                        count: parameter.count),
                    OptimizerStep(number: step, learningRate: 1e-2, gradientScale: 1))
            }
        }
        withExtendedLifetime((states, gradients)) {}
    }
}

extension LoadedModel {
    /// Computes the gradients of `gradientScale` · Σ cross-entropy for the golden model's example.
    fileprivate func backward(
        _ golden: GoldenModel, _ targets: [Int32], gradientScale: Float, into gradients: Arena<Float>
    ) throws {
        try withInput(golden) { model, input, activations in
            let workspace = Workspace()
            let context = LayerContext(weights: weights.base, gradients: gradients.base, workspace)
            let rows = model.outputRows(sequences: input.sequences, positions: input.positions)
            let losses = workspace.floats(.losses, rows)
            let outputGradient = workspace.floats(
                model.architecture.output == .tokens ? .branchGradient : .pooledGradient, rows * model.head.inputWidth)
            model.forward(input, activations, context)
            targets.withUnsafeBufferPointer { targets in
                _ = Prediction(.crossEntropy(smoothing: 0)).backward(
                    hidden: activations.output, head: model.head, targets: .classes(targets.baseAddress!),
                    gradientScale: gradientScale, losses: losses, hiddenGradient: outputGradient, rows: rows, context)
            }
            model.backward(input, outputGradient: outputGradient, activations, context) { _ in }
        }
    }
}
