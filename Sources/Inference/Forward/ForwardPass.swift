import Datasets
import Kernels
import Layers
import Models
import Objectives
import Profiling
import Tensors

/// A model that is ready to compute: its weights, the memory for its activations, and its prediction task.
package final class ForwardPass<Element: Storage> {
    package let model: Transformer<Element>
    /// The working weights, in the storage type.
    package let weights: Arena<Element>
    package let activations: Transformer<Element>.Activations
    package let prediction: Prediction
    package let workspace: Workspace

    /// Allocates memory for up to `sequences` sequences at once.
    package init(
        _ model: Transformer<Element>, _ loss: Loss, weights: Arena<Element>, sequences: Int,
        spans: SpanRecorder = SpanRecorder()
    ) {
        workspace = Workspace(spans: spans)
        self.model = model
        self.weights = weights
        prediction = Prediction(loss, classes: model.architecture.output == .tokens ? model.sizes.tokenCount : nil)
        activations = model.makeActivations(sequences: sequences, positions: model.sizes.contextLength)
    }

    /// The sum of a batch's losses, without label smoothing.
    ///
    /// - Parameter eachBlock: Called with the logits of some rows that have a target, and the indices of these rows.
    func loss(
        of batch: Batch,
        eachBlock: ((_ logits: UnsafePointer<Float>, _ rows: UnsafeBufferPointer<Int32>) -> Void)? = nil
    ) -> Double {
        model.forward(batch.input, weights: weights.base, activations, dropouts: .none, workspace)
        let rows = model.outputRows(sequences: batch.sequenceCount, positions: batch.positions)
        let losses = workspace.floats(.losses, rows)
        let count = Prediction(prediction.loss.unsmoothed, classes: prediction.classes).losses(
            hidden: activations.output, head: model.head, weights: weights.base, targets: batch.expected,
            into: losses, rows: rows, workspace, eachBlock: eachBlock)
        return ForwardPass.sum(losses, count)
    }

    /// The logits of row `row` of the last pass, one of `model.outputRows`; valid until the next call.
    func logits(ofRow row: Int) -> UnsafeBufferPointer<Float> where Element == Float {
        let (head, weights) = (model.head, weights.base)
        let hidden = head.transformed(
            activations.output + row * head.inputWidth, weights: weights, rows: 1, workspace, engine: .vectors)
        let logits = workspace.floats(.logits, head.outputWidth)
        head.output.forward(hidden, weights: weights, into: logits, rows: 1, engine: .vectors)
        return UnsafeBufferPointer(start: logits, count: head.outputWidth)
    }

    /// The sum of `count` losses in Float64, in order.
    package static func sum(_ losses: UnsafePointer<Float>, _ count: Int) -> Double {
        var sum = 0.0
        for index in 0..<count { sum += Double(losses[index]) }
        return sum
    }
}

extension Batch {
    /// The batch as input of a model.
    package var input: ModelInput {
        var input = ModelInput(sequences: sequenceCount, positions: positions)
        if shape.patchNumbers > 0 {
            input.patches = UnsafePointer(patches)
        } else {
            input.tokens =
                shape.hasPrefixes
                ? TokenInput(tokens: tokens, places: places, spanPlaces: spanPlaces) : TokenInput(tokens: tokens)
        }
        if shape.hasLengths { input.lengths = UnsafePointer(lengths) }
        if shape.hasPrefixes { input.prefixes = UnsafePointer(prefixes) }
        if shape.hasDocuments { input.firstKeys = UnsafePointer(documentStarts) }
        if shape.hasSource {
            input.source = .init(tokens: sourceTokens, positions: sourcePositions, lengths: sourceLengths)
        }
        return input
    }

    /// The targets of the batch.
    package var expected: Targets { Targets(classes: targets, values: shape.values > 0 ? UnsafePointer(values) : nil) }
}
