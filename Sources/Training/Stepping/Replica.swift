import Averaging
import Datasets
import Inference
import Kernels
import Layers
import Models
import Numbers
import Objectives
import Profiling
import Tensors
import Threads

/// A rank's model replica: computes the gradients of the rank's micro-batches and sums them along their tree.
final class Replica<Element: Storage> {
    let forwardPass: ForwardPass<Element>
    private let averaging: any GradientAveraging<Element>
    /// The gradients of micro-batches: the first arena is that of `averaging`, the others hold subtrees that wait for
    /// their sibling.
    private let arenas: [Arena<Element>]
    /// Whether this rank's sum is the root of the tree, which is never rounded.
    private let isAlone: Bool
    /// The layout of the trained parameters.
    private let layout: ParameterLayout

    /// Creates a replica for `slots` micro-batches per step, of `sequencesPerSlot` sequences each.
    ///
    /// - Parameter frozen: The frozen weights, if only adapters are trained.
    init(
        _ model: Transformer<Element>, _ loss: Loss, averaging: any GradientAveraging<Element>,
        frozen: Arena<Element>? = nil, slots: Int, sequencesPerSlot: Int, _ recomputation: Recomputation = .none,
        spans: SpanRecorder = SpanRecorder()
    ) {
        isAlone = averaging.shards.count == 1
        layout = model.layout.trained
        forwardPass = ForwardPass(
            model, loss, weights: frozen ?? averaging.weights, adapters: frozen == nil ? nil : averaging.weights,
            sequences: sequencesPerSlot, recomputation, spans: spans)
        self.averaging = averaging
        // Before micro-batch i, as many subtrees wait for their sibling as i has one bits.
        let depth = (0..<slots).map(\.nonzeroBitCount).max()! + 1
        arenas = [averaging.gradients] + (1..<depth).map { _ in Arena(count: averaging.gradients.count) }
    }

    /// Computes the gradients of this rank's micro-batches and starts their averaging.
    ///
    /// - Parameters:
    ///   - batches: This rank's micro-batches.
    ///   - firstSlot: The index of the rank's first micro-batch among all micro-batches of the step.
    ///   - slotLosses: Receives the sum of losses of each of this rank's micro-batches, shape [micro-batches of the
    ///     step].
    ///   - dropouts: Creates the dropouts from the sample indices of a micro-batch: those of the model's layers and
    ///     that of the adapters.
    ///   - awaitWeights: Waits until the weights of a layout section have arrived from all ranks; nil: those of all
    ///     sections.
    ///   - gradientScale: Returns the factor of the gradients; called as late as possible.
    func accumulate(
        _ batches: [Batch], firstSlot: Int, slotLosses: UnsafeMutablePointer<Double>,
        dropouts: (_ samples: UnsafePointer<UInt64>) -> (layers: Dropouts, adapters: Dropout?),
        awaitWeights: (_ section: Int?) throws -> Void = { _ in }, gradientScale: () throws -> Float
    ) throws {
        let slots = batches.count
        let (model, activations, workspace) = (forwardPass.model, forwardPass.activations, forwardPass.workspace)
        for slot in 0..<slots {
            let (batch, depth) = (batches[slot], slot.nonzeroBitCount)
            let (input, isLast) = (batch.input, slot == slots - 1)
            let context = context(dropouts(batch.sampleIndices), batch, gradients: arenas[depth].base)
            try context.spans.measure(.forward) {
                try model.forward(input, activations, context) { section in try awaitWeights(section) }
            }
            try awaitWeights(nil)

            let rows = model.outputRows(sequences: batch.sequenceCount, positions: batch.positions)
            let losses = workspace.floats(.losses, rows)
            let outputGradient = workspace.floats(model.outputGradientUse, rows * model.head.inputWidth)
            // If the step is abandoned, this throws before any rank has started to average.
            let scale = try gradientScale()
            context.spans.measure(.head) {
                let count = forwardPass.prediction.backward(
                    hidden: activations.output, head: model.head, targets: batch.targets, gradientScale: scale,
                    losses: losses, hiddenGradient: outputGradient, rows: rows, context)
                slotLosses[firstSlot + slot] = ForwardPass<Element>.sum(losses, count)
            }

            // All chunks from this element on are final and summed.
            var border = layout.count
            try context.spans.measure(.backward) {
                try model.backward(input, outputGradient: outputGradient, activations, context) { section in
                    guard isLast else { return }
                    let first = layout.sections[section].lowerBound
                    let chunk = (first + chunkElements - 1) / chunkElements * chunkElements
                    if chunk < border {
                        fold(from: depth, levels: depth, chunk..<border, toRoot: isAlone)
                        border = chunk
                    }
                    try averaging.sectionIsFinal(section)
                }
            }
            // Micro-batch i completes as many subtrees as i has trailing one bits. The subtrees of the last micro-batch
            // were summed section by section.
            if !isLast {
                fold(from: depth, levels: (~slot).trailingZeroBitCount, 0..<layout.count, toRoot: false)
            }
        }
    }

    /// The parameters and the memory of the passes over a micro-batch, whose gradients are those of the trained
    /// weights.
    private func context(
        _ dropouts: (layers: Dropouts, adapters: Dropout?), _ batch: Batch, gradients: UnsafeMutablePointer<Element>
    ) -> LayerContext<Element> {
        let (weights, workspace) = (forwardPass.weights.base, forwardPass.workspace)
        guard let adapters = forwardPass.adapters else {
            return LayerContext(weights: weights, gradients: gradients, dropouts: dropouts.layers, workspace)
        }
        return LayerContext(
            weights: weights,
            adapters: AdapterArenas(
                weights: adapters.base, gradients: gradients, dropout: dropouts.adapters,
                sequences: batch.sequenceCount),
            dropouts: dropouts.layers, workspace)
    }

    /// Adds the subtree in arena `depth` to the one in the arena below it, and repeats this with the sum, `levels`
    /// times.
    ///
    /// - Parameters:
    ///   - range: The elements; starts at a chunk boundary.
    ///   - toRoot: Whether the last sum is the root of the tree over all micro-batches.
    private func fold(from depth: Int, levels: Int, _ range: Range<Int>, toRoot: Bool) {
        if levels == 0, averaging.roundNode == nil { return }
        forwardPass.workspace.spans.measure(.slotSum) {
            guard let roundNode = averaging.roundNode else {
                for level in 0..<levels { add(depth - level, range) }
                return
            }
            // Chunk by chunk, so that a chunk stays in the cache for all levels.
            parallel((range.count + chunkElements - 1) / chunkElements) { number in
                let start = range.lowerBound + number * chunkElements
                let chunk = start..<min(start + chunkElements, range.upperBound)
                if levels > 0 || !toRoot { round(depth, chunk, roundNode) }
                for level in 0..<levels {
                    add(depth - level, chunk)
                    if level < levels - 1 || !toRoot { round(depth - level - 1, chunk, roundNode) }
                }
            }
        }
    }

    /// Adds a range of arena `depth` to the arena below it.
    private func add(_ depth: Int, _ range: Range<Int>) {
        let (upper, lower) = (arenas[depth], arenas[depth - 1])
        Numbers.add(
            UnsafePointer(upper.base + range.lowerBound), accumulatingInto: lower.base + range.lowerBound,
            count: range.count)
    }

    /// Rounds a chunk of arena `depth` to the format in which gradients are sent.
    private func round(_ depth: Int, _ chunk: Range<Int>, _ roundNode: NodeRounding) {
        // Only Float32 gradients are rounded.
        guard let arena = arenas[depth] as? Arena<Float> else { return }
        roundNode(arena.base + chunk.lowerBound, chunk.count)
    }
}
