import Datasets
import Kernels
import Layers
import Models
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
    private let sequencesPerSlot: Int
    private let contextLength: Int

    /// A replica for `slots` slots a step, of `sequencesPerSlot` sequences each.
    init(
        _ decoder: Decoder<Element>, averaging: any GradientAveraging<Element>, slots: Int, sequencesPerSlot: Int,
        spans: SpanRecorder = SpanRecorder()
    ) {
        isAlone = averaging.shards.count == 1
        forwardPass = ForwardPass(decoder, weights: averaging.weights, sequences: sequencesPerSlot, spans: spans)
        self.averaging = averaging
        self.sequencesPerSlot = sequencesPerSlot
        contextLength = decoder.contextLength
        // Before slot i as many subtrees wait for their sibling as i has ones.
        let depth = (0..<slots).map(\.nonzeroBitCount).max()! + 1
        arenas = [averaging.gradients] + (1..<depth).map { _ in Arena(count: decoder.layout.count) }
    }

    /// Computes the gradients of this rank's slots and sends them on their way.
    ///
    /// - Parameters:
    ///   - batch: The slots' sequences, one slot after another.
    ///   - firstSlot: The number of the first of them in the whole batch.
    ///   - slotLosses: [slots of the batch]; those of this rank get the sum of their losses.
    ///   - dropout: Made from the indices of each slot's sequences.
    ///   - gradientScale: What the sum of losses is multiplied with; asked for as late as possible.
    func accumulate(
        _ batch: TokenBatch, firstSlot: Int, slotLosses: UnsafeMutablePointer<Double>,
        dropout: (_ samples: UnsafePointer<UInt64>) -> Dropout?, gradientScale: () throws -> Float
    ) throws {
        let slots = batch.sequenceCount / sequencesPerSlot
        let (decoder, weights) = (forwardPass.decoder, forwardPass.weights)
        let (activations, workspace) = (forwardPass.activations, forwardPass.workspace)
        for slot in 0..<slots {
            let first = slot * sequencesPerSlot
            let dropout = dropout(batch.sampleIndices + first)
            let (tokens, targets) = (batch.inputs + first * contextLength, batch.targets + first * contextLength)
            workspace.spans.begin(.forward)
            decoder.forward(
                tokens, weights: weights.base, activations, sequences: sequencesPerSlot, positions: contextLength,
                dropout: dropout, workspace)
            workspace.spans.end()

            let rows = sequencesPerSlot * contextLength
            let losses = workspace.floats(.losses, rows)
            let hiddenGradient = workspace.floats(.branchGradient, rows * decoder.head.inputWidth)
            let depth = slot.nonzeroBitCount
            let gradients = arenas[depth].base
            workspace.spans.begin(.head)
            forwardPass.objective.backward(
                hidden: activations.hidden, head: decoder.head, weights: weights.base, gradients: gradients,
                targets: targets, gradientScale: try gradientScale(), losses: losses, hiddenGradient: hiddenGradient,
                rows: rows, workspace)
            slotLosses[firstSlot + slot] = ForwardPass<Element>.sum(losses, rows)
            workspace.spans.end()

            let isLast = slot == slots - 1
            // All chunks from here on are final, and folded.
            var border = decoder.layout.count
            workspace.spans.begin(.backward)
            try decoder.backward(
                tokens, hiddenGradient: hiddenGradient, weights: weights.base, gradients: gradients, activations,
                sequences: sequencesPerSlot, positions: contextLength, dropout: dropout, workspace
            ) { section in
                guard isLast else { return }
                let first = decoder.layout.sections[section].lowerBound
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
                fold(from: depth, levels: (~slot).trailingZeroBitCount, 0..<decoder.layout.count, toRoot: false)
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
