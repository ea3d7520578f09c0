import Averaging
import Datasets
import Inference
import Kernels
import Layers
import Models
import Objectives
import Profiling
import Tensors

/// A rank's model, and its work in a step: the gradients of its slots, summed along the slots' tree.
final class Replica<Element: Storage> {
    let forwardPass: ForwardPass<Element>
    private let averaging: any GradientAveraging<Element>
    /// Where slots put their gradients: the first is the averaging's own, the others hold subtrees that wait.
    private let arenas: [Arena<Element>]
    /// Whether this rank's sum is the root of the tree, which is never rounded.
    private let isAlone: Bool

    /// A replica for `slots` slots a step, of `sequencesPerSlot` sequences each.
    init(
        _ model: Transformer<Element>, _ loss: Loss, averaging: any GradientAveraging<Element>, slots: Int,
        sequencesPerSlot: Int, spans: SpanRecorder = SpanRecorder()
    ) {
        isAlone = averaging.shards.count == 1
        forwardPass = ForwardPass(model, loss, weights: averaging.weights, sequences: sequencesPerSlot, spans: spans)
        self.averaging = averaging
        // Before slot i as many subtrees wait for their sibling as i has ones.
        let depth = (0..<slots).map(\.nonzeroBitCount).max()! + 1
        arenas = [averaging.gradients] + (1..<depth).map { _ in Arena(count: model.layout.count) }
    }

    /// Computes the gradients of this rank's slots and sends them on their way.
    ///
    /// - Parameters:
    ///   - batches: The slots' sequences.
    ///   - firstSlot: The number of the first of them in the whole batch.
    ///   - slotLosses: [slots of the batch]; those of this rank get the sum of their losses.
    ///   - dropouts: Made from the indices of each slot's sequences.
    ///   - gradientScale: What the sum of losses is multiplied with; asked for as late as possible.
    func accumulate(
        _ batches: [Batch], firstSlot: Int, slotLosses: UnsafeMutablePointer<Double>,
        dropouts: (_ samples: UnsafePointer<UInt64>) -> Dropouts, gradientScale: () throws -> Float
    ) throws {
        let slots = batches.count
        let (model, weights) = (forwardPass.model, forwardPass.weights)
        let (activations, workspace) = (forwardPass.activations, forwardPass.workspace)
        for slot in 0..<slots {
            let batch = batches[slot]
            let (input, dropouts) = (batch.input, dropouts(batch.sampleIndices))
            workspace.spans.begin(.forward)
            model.forward(input, weights: weights.base, activations, dropouts: dropouts, workspace)
            workspace.spans.end()

            let rows = model.outputRows(sequences: batch.sequenceCount, positions: batch.positions)
            let losses = workspace.floats(.losses, rows)
            let outputGradient = workspace.floats(
                model.architecture.output == .tokens ? .branchGradient : .pooledGradient, rows * model.head.inputWidth)
            let depth = slot.nonzeroBitCount
            let gradients = arenas[depth].base
            // Throws where the step is given up: before any rank has begun to average.
            let scale = try gradientScale()
            workspace.spans.begin(.head)
            let count = forwardPass.prediction.backward(
                hidden: activations.output, head: model.head, weights: weights.base, gradients: gradients,
                targets: batch.expected, gradientScale: scale, losses: losses,
                hiddenGradient: outputGradient, rows: rows, workspace)
            slotLosses[firstSlot + slot] = ForwardPass<Element>.sum(losses, count)
            workspace.spans.end()

            let isLast = slot == slots - 1
            // All chunks from here on are final, and folded.
            var border = model.layout.count
            workspace.spans.begin(.backward)
            try model.backward(
                input, outputGradient: outputGradient, weights: weights.base, gradients: gradients, activations,
                dropouts: dropouts, workspace
            ) { section in
                guard isLast else { return }
                let first = model.layout.sections[section].lowerBound
                let chunk = (first + chunkElements - 1) / chunkElements * chunkElements
                if chunk < border {
                    fold(from: depth, levels: depth, chunk..<border, toRoot: isAlone)
                    border = chunk
                }
                try averaging.sectionIsFinal(section)
            }
            workspace.spans.end()
            // Slot i completes as many subtrees as i ends with ones; the last slot has folded all, section by section.
            if !isLast {
                fold(from: depth, levels: (~slot).trailingZeroBitCount, 0..<model.layout.count, toRoot: false)
            }
        }
    }

    /// Adds the subtree in arena `depth` to the one below it, the sum to the next, `levels` times.
    ///
    /// - Parameters:
    ///   - range: Which elements, from a chunk's border on.
    ///   - toRoot: Whether the last sum is the step's gradient.
    private func fold(from depth: Int, levels: Int, _ range: Range<Int>, toRoot: Bool) {
        if levels == 0, !averaging.roundsNodes { return }
        forwardPass.workspace.spans.begin(.slotSum)
        defer { forwardPass.workspace.spans.end() }
        if averaging.roundsNodes {
            // A chunk at a time, which stays in the cache from level to level.
            parallel((range.count + chunkElements - 1) / chunkElements) { number in
                let start = range.lowerBound + number * chunkElements
                let chunk = start..<min(start + chunkElements, range.upperBound)
                if levels > 0 || !toRoot { round(depth, chunk) }
                for level in 0..<levels {
                    add(depth - level, chunk)
                    if level < levels - 1 || !toRoot { round(depth - level - 1, chunk) }
                }
            }
        } else {
            for level in 0..<levels { add(depth - level, range) }
        }
    }

    /// Adds a range of arena `depth` to the arena below it.
    private func add(_ depth: Int, _ range: Range<Int>) {
        let (upper, lower) = (arenas[depth], arenas[depth - 1])
        Kernels.add(
            UnsafePointer(upper.base + range.lowerBound), accumulatingInto: lower.base + range.lowerBound,
            count: range.count)
    }

    /// Rounds a chunk of arena `depth` to what can be sent of it.
    private func round(_ depth: Int, _ chunk: Range<Int>) {
        // Only Float32 is ever rounded.
        guard let arena = arenas[depth] as? Arena<Float> else { return }
        ScaledHalves.round(arena.base + chunk.lowerBound, count: chunk.count)
    }
}
