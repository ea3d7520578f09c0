import Failures
import Inference
import Layers
import Models
import Objectives
import Tensors

// B sequences, T positions, S source positions, C hidden size, V outputs.

/// Forward and backward passes over copies of a prompt that start at its embeddings.
struct InspectionPass {
    let model: Transformer<Float>
    /// The largest B.
    let sequences: Int
    private let forwardPass: ForwardPass<Float>
    /// The row of a sequence whose output is explained; see `position(in:)`.
    private let position: @Sendable (PromptTokens) -> Int

    /// Allocates the activations of all blocks for `sequences` sequences.
    ///
    /// - Parameters:
    ///   - positions: The most positions of a sequence.
    ///   - position: The position of a sequence whose output counts; 0 for a model that pools.
    init(
        _ trained: TrainedModel, sequences: Int, positions: Int, position: @escaping @Sendable (PromptTokens) -> Int
    ) {
        model = trained.model
        self.sequences = sequences
        self.position = position
        forwardPass = ForwardPass(
            trained.model, trained.configuration.loss, weights: trained.weights, sequences: sequences,
            positions: positions, .none)
    }

    /// The context of both directions: weights are treated as frozen, so that no gradients of them are computed.
    private var context: LayerContext<Float> { LayerContext(weights: forwardPass.weights.base, forwardPass.workspace) }

    /// The embeddings of sequences of equal length: [B, T, C], and [B, S, C] of their sources.
    func embeddings(of read: [PromptTokens]) -> (own: [Float], source: [Float]) {
        let batch = TokenBatch(read, model.architecture)
        let width = model.configuration.width
        return withExtendedLifetime(batch) {
            model.embed(batch.input, forwardPass.activations, context)
            let own = UnsafeBufferPointer(
                start: forwardPass.activations.embedded, count: read.count * read[0].tokens.count * width)
            let source = UnsafeBufferPointer(
                start: forwardPass.activations.embeddedSource, count: read.count * read[0].source.count * width)
            return (Array(own), Array(source))
        }
    }

    /// The value of `explained` for each sequence, at most `sequences` of them.
    func values(of read: [PromptTokens], _ explained: ExplainedOutput) -> [Double] {
        let batch = TokenBatch(read, model.architecture)
        return withExtendedLifetime(batch) {
            forwardPass.forward(batch.input)
            var values: [Double] = []
            logits(forwardPass.activations.output, rows(read, batch.input)) { values.append(explained.value($0)) }
            return values
        }
    }

    /// The logits of one sequence after 0, 1, … all blocks: [L + 1] arrays of [V].
    func logitsByLayer(of read: PromptTokens) -> [[Float]] {
        let batch = TokenBatch([read], model.architecture)
        return withExtendedLifetime(batch) {
            forwardPass.forward(batch.input)
            return (0...model.blockCount).map { count in
                let output = model.output(afterBlocks: count, batch.input, forwardPass.activations, context)
                var row: [Float] = []
                logits(output, rows([read], batch.input)) {
                    row = Array(UnsafeBufferPointer(start: $0, count: model.head.outputWidth))
                }
                return row
            }
        }
    }

    /// Computes `explained` for `copies` copies of a sequence with the given embeddings, and its gradient with respect
    /// to them.
    ///
    /// - Parameters:
    ///   - own: [B, T, C].
    ///   - source: [B, S, C].
    ///   - each: Called with the gradient of `own`, and with that of `source` if there is an encoder.
    /// - Returns: The value for each copy.
    func backward(
        copies: Int, of read: PromptTokens, own: [Float], source: [Float], _ explained: ExplainedOutput,
        each: (_ part: EmbeddedPart, _ gradient: UnsafePointer<Float>) -> Void
    ) -> [Double] {
        let reads = [PromptTokens](repeating: read, count: copies)
        let batch = TokenBatch(reads, model.architecture)
        let (activations, context, head) = (forwardPass.activations, self.context, model.head)
        let (width, outputs) = (head.inputWidth, head.outputWidth)
        let outputRows = model.outputRows(sequences: copies, positions: batch.input.positions)
        let outputGradient = Arena<Float>(count: outputRows * width)
        let (hidden, gradient) = (Arena<Float>(count: copies * width), Arena<Float>(count: copies * width))
        let logits = Arena<Float>(count: copies * outputs)
        return withExtendedLifetime((batch, outputGradient, hidden, gradient, logits)) {
            activations.embedded.update(from: own, count: own.count)
            activations.embeddedSource?.update(from: source, count: source.count)
            model.transform(batch.input, activations, context)
            let rows = rows(reads, batch.input)
            for (index, row) in rows.enumerated() {
                (hidden.base + index * width).update(from: activations.output + row * width, count: width)
            }
            let input = head.transformed(hidden.base, rows: copies, context)
            head.output.forward(input, into: logits.base, rows: copies, context)
            let values = (0..<copies).map { explained.value(logits.base + $0 * outputs) }
            for index in 0..<copies { explained.gradient(logits.base + index * outputs, count: outputs) }
            head.output.backward(
                input, outputGradient: logits.base, inputGradient: gradient.base, rows: copies, context)
            head.transformedBackward(hidden.base, gradient: gradient.base, rows: copies, context)
            for (index, row) in rows.enumerated() {
                (outputGradient.base + row * width).update(from: gradient.base + index * width, count: width)
            }
            model.backward(
                batch.input, outputGradient: outputGradient.base, activations, context, eachEmbedding: each,
                sectionIsFinal: { _ in })
            return values
        }
    }

    /// The row of the output of each sequence.
    private func rows(_ read: [PromptTokens], _ input: ModelInput) -> [Int] {
        read.enumerated().map { b, read in
            model.outputRows(sequences: b, positions: input.positions) + position(read)
        }
    }

    /// Calls `body` with the logits of each row, [V].
    private func logits(
        _ output: UnsafePointer<Float>, _ rows: [Int], _ body: (_ logits: UnsafePointer<Float>) -> Void
    ) {
        let head = model.head
        let logits = Arena<Float>(count: head.outputWidth)
        withExtendedLifetime(logits) {
            for row in rows {
                let hidden = head.transformed(output + row * head.inputWidth, rows: 1, context)
                head.output.forward(hidden, into: logits.base, rows: 1, context)
                body(logits.base)
            }
        }
    }
}
