import Kernels
import Layers
import Models
import Objectives
import Tensors
import TestSupport
import Testing

// B sequences, T positions, S source positions, C hidden size, V outputs; R rows that the head reads.

/// A model's input with its targets.
struct ModelBatch {
    var input = ReferenceTransformer.Input()
    /// [R]; empty if `values` are the targets.
    var targets: [Int] = []
    /// [R, V].
    var values: [Double]?

    /// The rows that have a target.
    var targetRows: [Int] {
        values == nil
            ? targets.indices.filter { targets[$0] != Int(ignoredTarget) } : Array(0..<input.sequences)
    }

    /// Calls `body` with the batch in the form of a model's input.
    func withInput<Result>(_ body: (ModelInput, Targets) -> Result) -> Result {
        withTestMemory { memory in
            func pointer(_ values: [Int]?) -> UnsafePointer<Int32>? {
                values.map { UnsafePointer(memory.integers($0)) }
            }
            var model = ModelInput(sequences: input.sequences, positions: input.positions)
            (model.lengths, model.prefixLengths, model.documentStarts) = (
                pointer(input.lengths), pointer(input.prefixLengths), pointer(input.documentStarts)
            )
            if input.patches.isEmpty {
                model.tokens = TokenInput(
                    tokens: memory.integers(input.tokens), positionIDs: pointer(input.positionIDs),
                    spanPositionIDs: pointer(input.spanPositionIDs))
            } else {
                model.patches = UnsafePointer(memory.numbers(input.patches, Float.self))
            }
            if !input.sourceTokens.isEmpty {
                model.source = SourceInput(
                    tokens: memory.integers(input.sourceTokens),
                    positions: input.sourceTokens.count / input.sequences,
                    lengths: memory.integers(input.sourceLengths))
            }
            return body(
                model,
                values.map { .values(memory.numbers($0, Float.self)) } ?? .classes(memory.integers(targets)))
        }
    }

    /// The losses of the rows that have a target, from the logits of all rows.
    func losses(_ logits: [Double], _ loss: Loss) -> [Double] {
        switch loss {
        case .crossEntropy(let smoothing):
            let losses = Reference.crossEntropy(logits, targets: targets, labelSmoothing: smoothing)
            return targetRows.map { losses[$0] }
        case .binaryCrossEntropy:
            return Reference.binaryCrossEntropy(logits, targets: values!, labels: logits.count / input.sequences)
        case .squaredError:
            return Reference.squaredError(logits, targets: values!, width: logits.count / input.sequences)
        case .negativeSampling: preconditionFailure("word vectors have their own tests")
        }
    }
}

/// The parameters of dropout.
struct ModelDropouts {
    var rates = DropoutRates(embedding: 0, attention: 0, residual: 0)
    var seed: UInt64 = 21
    var step = 22
    var samples: [UInt64]

    func withDropouts<Result>(_ body: (Dropouts) -> Result) -> Result {
        samples.withUnsafeBufferPointer { body(Dropouts(rates, seed: seed, step: step, samples: $0.baseAddress!)) }
    }

    var reference: ReferenceDropouts {
        ReferenceDropouts(
            embedding: rates.embedding, attention: rates.attention, residual: rates.residual, seed: seed, step: step,
            samples: samples)
    }
}

extension Transformer {
    private func makeActivations(_ batch: ModelBatch, _ recomputation: Recomputation = .none) -> Activations {
        let sourcePositions = batch.input.sourceTokens.count / batch.input.sequences
        return makeActivations(
            sequences: batch.input.sequences, positions: max(batch.input.positions, sourcePositions),
            recomputation)
    }

    /// The logits [R, V] of a forward pass.
    func logits(_ weights: Arena<Element>, _ batch: ModelBatch, _ dropouts: ModelDropouts? = nil) -> [Float] {
        let (activations, workspace) = (makeActivations(batch), Workspace())
        let rows = outputRows(sequences: batch.input.sequences, positions: batch.input.positions)
        var logits = [Float](repeating: .nan, count: rows * head.outputWidth)
        batch.withInput { input, _ in
            (dropouts ?? ModelDropouts(samples: [0])).withDropouts { dropouts in
                forward(input, activations, LayerContext(weights: weights.base, dropouts: dropouts, workspace))
            }
        }
        let context = LayerContext(weights: weights.base, workspace)
        let hidden = head.transformed(activations.output, rows: rows, context)
        head.output.forward(hidden, into: &logits, rows: rows, context)
        withExtendedLifetime((weights, activations)) {}
        return logits
    }

    /// Runs a forward and backward pass: returns the losses of the rows that have a target, and sets `gradients` to
    /// those of `gradientScale` · Σ losses.
    ///
    /// - Parameter sectionIsFinal: Passed to `backward`.
    func pass(
        _ weights: Arena<Element>, _ batch: ModelBatch, _ loss: Loss, into gradients: Arena<Element>,
        gradientScale: Double = 1, _ dropouts: ModelDropouts? = nil, workspace: Workspace = Workspace(),
        _ recomputation: Recomputation = .none, sectionIsFinal: (Int) -> Void = { _ in }
    ) -> [Float] {
        let activations = makeActivations(batch, recomputation)
        let rows = outputRows(sequences: batch.input.sequences, positions: batch.input.positions)
        // In the same workspace buffers as in a training step.
        let losses = workspace.floats(.losses, rows)
        let outputGradient = workspace.floats(
            architecture.output == .tokens ? .branchGradient : .pooledGradient, rows * head.inputWidth)
        let count = batch.withInput { input, targets in
            (dropouts ?? ModelDropouts(samples: [0])).withDropouts { dropouts in
                let context = LayerContext(
                    weights: weights.base, gradients: gradients.base, dropouts: dropouts, workspace)
                forward(input, activations, context)
                let count = Prediction(loss).backward(
                    hidden: activations.output, head: head, targets: targets, gradientScale: Float(gradientScale),
                    losses: losses, hiddenGradient: outputGradient, rows: rows, context)
                backward(
                    input, outputGradient: outputGradient, activations, context, sectionIsFinal: sectionIsFinal)
                return count
            }
        }
        return withExtendedLifetime((weights, gradients, activations, workspace)) { array(losses, count) }
    }
}
