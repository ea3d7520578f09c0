import Kernels
import Numbers
import Tensors

// B sequences, T positions, C hidden size, L layers; rows = B · T.

/// A sequence of blocks and, except for post-norm, a final normalization.
package struct TransformerStack<Element: Storage> {
    package let blocks: [TransformerBlock<Element>]
    package let finalNormalization: Normalization<Element>?
    /// The index of the layout section of block 0; the section of the final normalization follows the last block's.
    package let firstSection: Int
    let width: Int
    private let relativePositions: RelativePositions<Element>?

    /// The activations that the backward pass uses.
    package struct Activations {
        /// The stack's output, [B, T, C].
        package let output: UnsafeMutablePointer<Element>
        let blocks: [TransformerBlock<Element>.Activations]
        let recomputation: Recomputation
        let finalStatistics: Normalization<Element>.Statistics?
        /// The biases of scores, [H, 2P − 1].
        let biases: UnsafeMutablePointer<Float>?
    }

    /// Declares `count` ≥ 1 blocks of `shape` under `name`blocks.0, …, each in its own section, and
    /// `name`final_normalization in one more section. Relative positions are in the section of block 0, whose gradients
    /// are the last to be complete.
    ///
    /// - Parameters:
    ///   - unlimited: The number of first blocks to which the window of the shape does not apply.
    ///   - relative: The parameters of relative position biases; nil: none.
    ///   - firstSite: The number of the first dropout site.
    package init(
        _ name: String, count: Int, _ shape: BlockShape, unlimited: Int = 0, relative: RelativeShape? = nil,
        firstSite: Int, in layout: inout ParameterLayout
    ) {
        width = shape.attention.width
        firstSection = layout.sections.count
        let rotary = shape.attention.rotary.map { RotaryTable($0) }
        var relativePositions: RelativePositions<Element>?
        blocks = (0..<count).map { index in
            layout.beginSection()
            if index == 0, let relative {
                relativePositions = RelativePositions(
                    name, relative, headCount: shape.attention.headCount, in: &layout)
            }
            return TransformerBlock(
                "\(name)blocks.\(index)", shape, hasWindow: index >= unlimited, rotary: rotary,
                firstSite: firstSite + index * shape.sites, in: &layout
            )
        }
        self.relativePositions = relativePositions
        layout.beginSection()
        finalNormalization =
            shape.placement == .post
            ? nil : Normalization("\(name)final_normalization", width: width, shape.normalization, in: &layout)
    }

    /// Allocates activations for `sequences` × `positions` positions that attend to `memoryPositions` encoder positions
    /// each.
    package func takeActivations(
        sequences: Int, positions: Int, memoryPositions: Int = 0, _ recomputation: Recomputation = .none,
        from arena: ActivationArena
    ) -> Activations {
        let rows = sequences * positions
        func takeBlock(_ block: TransformerBlock<Element>) -> TransformerBlock<Element>.Activations {
            block.takeActivations(
                sequences: sequences, positions: positions, memoryPositions: memoryPositions, from: arena)
        }
        let first = takeBlock(self.blocks[0])
        let others = self.blocks.dropFirst().map { block in
            recomputation == .none
                ? takeBlock(block) : block.takeActivations(sharing: first, recomputation, rows: rows, from: arena)
        }
        let blocks = [first] + others
        return Activations(
            output: finalNormalization == nil ? blocks.last!.output : arena.take(Element.self, rows * width),
            blocks: blocks, recomputation: recomputation,
            finalStatistics: finalNormalization.map { _ in arena.takeStatistics(Element.self, rows: rows) },
            biases: takeBiases(from: arena))
    }

    /// Allocates the biases of scores; nil without relative positions.
    func takeBiases(from arena: ActivationArena) -> UnsafeMutablePointer<Float>? {
        relativePositions?.takeBiases(from: arena)
    }

    /// Computes `activations.output` from `input`, both [B, T, C].
    package func forward(
        _ input: UnsafePointer<Element>, memory: CrossMemory<Element>? = nil, _ activations: Activations,
        _ pass: Pass<Element>
    ) {
        let spans = pass.context.spans
        let pass = biased(pass, activations)
        // By index, because iterating over values of a generic type allocates.
        for index in blocks.indices {
            spans.measure(.block, index) {
                blocks[index].forward(
                    self.input(of: index, input, activations), memory: memory, activations.blocks[index], pass)
            }
        }
        if let finalNormalization {
            spans.measure(.finalNormalization) {
                finalNormalization.forward(
                    self.input(of: blocks.count, input, activations), into: activations.output,
                    activations.finalStatistics!, rows: pass.rows, pass.context)
            }
        }
    }

    /// The output of the stack if only the first `count` blocks are applied, [B, T, C]; follows `forward`, with the
    /// activations of all blocks. The final normalization overwrites the output of `forward`.
    package func output(
        afterBlocks count: Int, _ input: UnsafePointer<Element>, _ activations: Activations, _ pass: Pass<Element>
    ) -> UnsafePointer<Element> {
        precondition(activations.recomputation == .none, "all blocks have kept their activations")
        let states = self.input(of: count, input, activations)
        guard let finalNormalization else { return states }
        finalNormalization.forward(
            states, into: activations.output, activations.finalStatistics!, rows: pass.rows, pass.context)
        return UnsafePointer(activations.output)
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - streamGradient: [B, T, C], overwritten with the input's gradient.
    ///   - sectionIsFinal: Called with the index of each section of the stack as soon as its gradients are complete,
    ///     the last section first.
    package func backward(
        _ input: UnsafePointer<Element>, memory: CrossMemory<Element>? = nil, outputGradient: UnsafePointer<Float>,
        streamGradient: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass<Element>,
        sectionIsFinal: (Int) throws -> Void
    ) rethrows {
        let (spans, count) = (pass.context.spans, pass.rows * width)
        var pass = biased(pass, activations)
        pass.biasGradients = relativePositions?.clearedGradients(sequences: pass.sequences, pass.context)
        if let finalNormalization {
            spans.measure(.finalNormalization) {
                streamGradient.update(repeating: 0, count: count)
                finalNormalization.backward(
                    self.input(of: blocks.count, input, activations), outputGradient: outputGradient,
                    accumulatingInto: streamGradient, activations.finalStatistics!, rows: pass.rows, pass.context)
            }
        } else {
            convert(outputGradient, into: streamGradient, count: count)
        }
        try sectionIsFinal(firstSection + blocks.count)
        for index in blocks.indices.reversed() {
            spans.measure(.block, index) {
                let (input, own) = (self.input(of: index, input, activations), activations.blocks[index])
                // The shared activations are those of the last block.
                if index < blocks.count - 1 {
                    blocks[index].forwardAgain(activations.recomputation, input, memory: memory, own, pass)
                }
                blocks[index].backward(input, memory: memory, streamGradient: streamGradient, own, pass)
            }
            if index == 0, let relativePositions, let gradients = pass.biasGradients {
                relativePositions.backward(gradients, sequences: pass.sequences, pass.context)
            }
            try sectionIsFinal(firstSection + index)
        }
    }

    /// The pass with the biases of scores, computed from the current weights.
    func biased(_ pass: Pass<Element>, _ activations: Activations) -> Pass<Element> {
        guard let relativePositions, let biases = activations.biases else { return pass }
        var pass = pass
        pass.biases = relativePositions.forward(into: biases, pass.context)
        return pass
    }

    /// Returns the input of block `index`, or of the final normalization if `index` is the number of blocks.
    private func input(
        of index: Int, _ input: UnsafePointer<Element>, _ activations: Activations
    ) -> UnsafePointer<Element> {
        index == 0 ? input : UnsafePointer(activations.blocks[index - 1].output)
    }
}
