import Datasets
import Failures
import Layers
import Models
import Numbers
import Objectives
import Profiling
import Tensors

/// A model that is ready to compute: its weights, the memory for its activations, and its prediction task.
package final class ForwardPass<Element: Storage> {
    package let model: Transformer<Element>
    /// The working weights, in the storage type; frozen if there are adapters.
    package let weights: Arena<Element>
    /// The weights of the adapters; nil: none.
    package let adapters: Arena<Element>?
    package let activations: Transformer<Element>.Activations
    package let prediction: Prediction
    package let workspace: Workspace

    /// Allocates memory for up to `sequences` sequences at once.
    ///
    /// - Parameters:
    ///   - positions: The most positions of a sequence; nil: the context length.
    ///   - recomputation: What a backward pass computes again; without one, a block needs no memory of its own.
    package init(
        _ model: Transformer<Element>, _ loss: Loss, weights: Arena<Element>, adapters: Arena<Element>? = nil,
        sequences: Int, positions: Int? = nil, _ recomputation: Recomputation = .block,
        spans: SpanRecorder = SpanRecorder()
    ) {
        workspace = Workspace(spans: spans)
        self.model = model
        self.weights = weights
        self.adapters = adapters
        prediction = Prediction(loss, classes: model.architecture.output == .tokens ? model.sizes.tokenCount : nil)
        activations = model.makeActivations(
            sequences: sequences, positions: positions ?? model.sizes.contextLength, recomputation)
    }

    /// Computes `activations.output` for inference.
    package func forward(_ input: ModelInput) { model.forward(input, activations, context) }

    /// The parameters and the scratch memory for inference.
    private var context: LayerContext<Element> {
        LayerContext(weights: weights.base, adapters: adapters.map { AdapterArenas(weights: $0.base) }, workspace)
    }

    /// The attention probabilities of the last forward pass, whose input was `input`: one sequence, without
    /// recomputation.
    package func attentionMaps(_ input: ModelInput) -> AttentionMaps {
        model.attentionMaps(input, activations, context)
    }

    /// The sum of a batch's losses, without label smoothing.
    ///
    /// - Parameter eachBlock: Called with the logits of some rows that have a target, and the indices of these rows.
    package func loss(
        of batch: Batch,
        eachBlock: ((_ logits: UnsafePointer<Float>, _ rows: UnsafeBufferPointer<Int32>) -> Void)? = nil
    ) -> Double {
        forward(batch.input)
        let rows = model.outputRows(sequences: batch.sequenceCount, positions: batch.positions)
        let losses = workspace.floats(.losses, rows)
        let count = Prediction(prediction.loss.unsmoothed, classes: prediction.classes).losses(
            hidden: activations.output, head: model.head, targets: batch.targets, into: losses, rows: rows,
            context, eachBlock: eachBlock)
        return ForwardPass.sum(losses, count)
    }

    /// The logits of row `row` of the last pass, in 0 ..< `model.outputRows`; valid until the next call.
    ///
    /// - Parameter directory: The model's directory, for the error.
    /// - Throws: `badData` if a logit is not finite.
    func logits(
        ofRow row: Int, _ directory: String
    ) throws(Failure) -> UnsafeBufferPointer<Float> where Element == Float {
        let (head, context) = (model.head, LayerContext(weights: weights.base, engine: .vectors, workspace))
        let hidden = head.transformed(activations.output + row * head.inputWidth, rows: 1, context)
        let logits = workspace.floats(.logits, head.outputWidth)
        head.output.forward(hidden, into: logits, rows: 1, context)
        if let output = firstNonFinite(logits, count: head.outputWidth) {
            throw nonFinitePrediction(directory, output: output)
        }
        return UnsafeBufferPointer(start: logits, count: head.outputWidth)
    }

    /// The sum of `count` losses in Float64, in order.
    package static func sum(_ losses: UnsafePointer<Float>, _ count: Int) -> Double {
        var sum = 0.0
        for index in 0..<count { sum += Double(losses[index]) }
        return sum
    }
}
