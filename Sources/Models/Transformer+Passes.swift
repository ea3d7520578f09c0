import Kernels
import Layers
import Tensors

extension Transformer {
    /// The intermediate results of a forward pass that the backward pass needs, for a maximum number of sequences.
    package struct Activations {
        /// The head's input: hidden states [B, T, C], or one pooled row per sequence, [B, C].
        package let output: UnsafeMutablePointer<Element>
        let source: (embedding: Embedding<Element>.Activations, stack: TransformerStack<Element>.Activations)?
        let input: Input
        let stack: TransformerStack<Element>.Activations?
        let pooling: Pooling<Element>.Activations?
        private let arena: ActivationArena

        /// The encoder's output, [B, S, C]; nil without an encoder.
        package var encoderOutput: UnsafeMutablePointer<Element>? { source?.stack.output }

        /// The embeddings of the model's own input, [B, T, C].
        package var embedded: UnsafeMutablePointer<Element> { input.output }

        /// The embeddings of the source, [B, S, C]; nil without an encoder.
        package var embeddedSource: UnsafeMutablePointer<Element>? { source?.embedding.output }

        enum Input {
            case tokens(Embedding<Element>.Activations)
            case patches(PatchEmbedding<Element>.Activations)

            /// The first block's input.
            var output: UnsafeMutablePointer<Element> {
                switch self {
                case .tokens(let activations): activations.output
                case .patches(let activations): activations.output
                }
            }
        }

        init(
            _ model: Transformer, sequences: Int, positions: Int, sourcePositions: Int,
            _ recomputation: Recomputation, from arena: ActivationArena = ActivationArena()
        ) {
            source = model.encoder.map {
                (
                    $0.embedding.takeActivations(rows: sequences * sourcePositions, from: arena),
                    $0.stack.takeActivations(
                        sequences: sequences, positions: sourcePositions, recomputation, from: arena)
                )
            }
            input =
                switch model.input {
                case .tokens(let embedding):
                    .tokens(embedding.takeActivations(rows: sequences * positions, from: arena))
                case .patches(let embedding): .patches(embedding.takeActivations(sequences: sequences, from: arena))
                }
            stack = model.stack?.takeActivations(
                sequences: sequences, positions: positions, memoryPositions: sourcePositions, recomputation,
                from: arena)
            pooling = model.pooling?.takeActivations(sequences: sequences, from: arena)
            output = pooling?.output ?? stack?.output ?? input.output
            self.arena = arena
        }
    }

    /// Allocates the activations for up to `sequences` × `positions`, and for a source of the same size if there is an
    /// encoder.
    package func makeActivations(
        sequences: Int, positions: Int, _ recomputation: Recomputation = .none
    ) -> Activations {
        Activations(
            self, sequences: sequences, positions: positions, sourcePositions: encoder == nil ? 0 : positions,
            recomputation)
    }

    /// The bytes that `makeActivations` would allocate.
    package func activationBytes(sequences: Int, _ lengths: SequenceLengths, _ recomputation: Recomputation) -> Int {
        let arena = ActivationArena(counting: true)
        _ = Activations(
            self, sequences: sequences, positions: lengths.positions,
            sourcePositions: encoder == nil ? 0 : lengths.sourcePositions, recomputation, from: arena)
        return arena.bytes
    }

    /// Computes `activations.output`, with weights that have all arrived.
    package func forward(_ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>) {
        forward(input, activations, context, sectionIsNeeded: { _ in })
    }

    /// Computes `activations.output`.
    ///
    /// - Parameter sectionIsNeeded: Called with the index of each layout section before its weights are read, from
    ///   section 0 to the last section, which the head shares.
    package func forward(
        _ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>,
        sectionIsNeeded: (Int) throws -> Void
    ) rethrows {
        try sectionIsNeeded(0)
        embed(input, activations, context)
        try transform(input, activations, context, sectionIsNeeded: sectionIsNeeded)
    }

    /// Computes the embeddings, the first part of `forward`.
    package func embed(_ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>) {
        if let encoder, let source = input.source, let sourceActivations = activations.source {
            context.spans.measure(.embedding) {
                encoder.embedding.forward(
                    TokenInput(tokens: source.tokens), sourceActivations.embedding,
                    sourcePass(source, sequences: input.sequences, context))
            }
        }
        let pass = pass(input, context)
        context.spans.measure(.embedding) {
            switch (self.input, activations.input) {
            case (.tokens(let embedding), .tokens(let activations)):
                embedding.forward(input.tokens!, activations, pass)
            case (.patches(let embedding), .patches(let activations)):
                embedding.forward(input.patches!, activations, pass)
            default: preconditionFailure("the activations belong to another model")
            }
        }
    }

    /// Computes `activations.output` from the embeddings, the second part of `forward`.
    package func transform(_ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>) {
        transform(input, activations, context, sectionIsNeeded: { _ in })
    }

    private func transform(
        _ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>,
        sectionIsNeeded: (Int) throws -> Void
    ) rethrows {
        let memory = try encode(input, activations, context, sectionIsNeeded)
        let pass = pass(input, context)
        guard let stack, let stackActivations = activations.stack else { return }
        try stack.forward(
            activations.input.output, memory: memory, stackActivations, pass, sectionIsNeeded: sectionIsNeeded)
        pooling?.forward(stackActivations.output, activations.pooling!, pass)
    }

    /// The head's input if only the first `count` blocks are applied: their output, normalized and pooled like that of
    /// all blocks. Follows `forward`, whose output it overwrites.
    ///
    /// - Returns: [B · T, C], or [B, C] with pooling.
    package func output(
        afterBlocks count: Int, _ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>
    ) -> UnsafePointer<Element> {
        let pass = pass(input, context)
        guard let stack, let stackActivations = activations.stack else {
            return UnsafePointer(activations.input.output)
        }
        let states = stack.output(afterBlocks: count, activations.input.output, stackActivations, pass)
        guard let pooling, let pooled = activations.pooling else { return states }
        pooling.forward(states, pooled, pass)
        return UnsafePointer(pooled.output)
    }

    /// The backward pass of `forward`; the objective must already have written the head's gradients.
    ///
    /// - Parameters:
    ///   - outputGradient: The gradient of `activations.output`; if rows are pooled, its contents are undefined
    ///     afterwards.
    ///   - context: Its gradients are overwritten, except that a tied token embedding's gradient is added to.
    ///   - eachEmbedding: Called with the gradient of the embeddings of the model's own input, [B, T, C], and of the
    ///     source, [B, S, C], before they become gradients of parameters.
    ///   - sectionIsFinal: Called with the index of each layout section when its gradients are complete, from the last
    ///     section to section 0.
    package func backward(
        _ input: ModelInput, outputGradient: UnsafeMutablePointer<Float>, _ activations: Activations,
        _ context: LayerContext<Element>,
        eachEmbedding: (_ part: EmbeddedPart, _ gradient: UnsafePointer<Float>) -> Void = { _, _ in },
        sectionIsFinal: (Int) throws -> Void
    ) rethrows {
        let (workspace, pass, width) = (context.workspace, pass(input, context), configuration.width)
        var hiddenGradient = outputGradient
        if let pooling {
            hiddenGradient = workspace.floats(.branchGradient, pass.rows * width)
            pooling.backward(
                outputGradient: outputGradient, into: hiddenGradient, activations.pooling!, pass)
        }
        let memoryRows = input.source.map { pass.sequences * $0.positions } ?? 0
        let streamGradient = workspace.floats(.streamGradient, max(pass.rows, memoryRows) * width)
        var memory: CrossMemory<Element>?
        if let source = input.source {
            let memoryGradient = workspace.floats(.memoryGradient, memoryRows * width)
            memoryGradient.update(repeating: 0, count: memoryRows * width)
            memory = self.memory(source, activations, gradient: memoryGradient)
        }
        if let stack, let stackActivations = activations.stack {
            try stack.backward(
                activations.input.output, memory: memory, outputGradient: hiddenGradient,
                streamGradient: streamGradient, stackActivations, pass, sectionIsFinal: sectionIsFinal)
        } else if streamGradient != hiddenGradient {
            streamGradient.update(from: hiddenGradient, count: pass.rows * width)
        }
        eachEmbedding(.own, streamGradient)
        context.spans.measure(.embedding) {
            switch (self.input, activations.input) {
            case (.tokens(let embedding), .tokens(let activations)):
                embedding.backward(
                    input.tokens!, outputGradient: streamGradient, activations, pass, accumulating: headIsTied)
            case (.patches(let embedding), .patches(let activations)):
                embedding.backward(outputGradient: streamGradient, activations, pass)
            default: preconditionFailure("the activations belong to another model")
            }
        }
        if let encoder, let source = input.source, let sourceActivations = activations.source, let memory {
            let pass = sourcePass(source, sequences: input.sequences, context)
            try encoder.stack.backward(
                sourceActivations.embedding.output, outputGradient: memory.gradient!, streamGradient: streamGradient,
                sourceActivations.stack, pass, sectionIsFinal: sectionIsFinal)
            eachEmbedding(.source, streamGradient)
            context.spans.measure(.embedding) {
                encoder.embedding.backward(
                    TokenInput(tokens: source.tokens), outputGradient: streamGradient, sourceActivations.embedding,
                    pass, accumulating: encoder.sharesTable)
            }
        }
        try sectionIsFinal(0)
    }

    /// The scratch memory for the gradient of `activations.output`. A model without blocks needs no copy of it.
    package var outputGradientUse: Workspace.Use {
        architecture.output == .tokens ? (stack == nil ? .streamGradient : .branchGradient) : .pooledGradient
    }

    /// Runs the encoder's blocks and returns their output; nil if there is no encoder.
    private func encode(
        _ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>,
        _ sectionIsNeeded: (Int) throws -> Void
    ) rethrows -> CrossMemory<Element>? {
        guard let encoder, let source = input.source, let sourceActivations = activations.source else { return nil }
        let pass = sourcePass(source, sequences: input.sequences, context)
        try encoder.stack.forward(
            sourceActivations.embedding.output, sourceActivations.stack, pass, sectionIsNeeded: sectionIsNeeded)
        return memory(source, activations, gradient: nil)
    }

    func memory(
        _ source: SourceInput, _ activations: Activations, gradient: UnsafeMutablePointer<Float>?
    ) -> CrossMemory<Element> {
        CrossMemory(
            rows: activations.source!.stack.output, positions: source.positions,
            mask: AttentionMask(isCausal: false, lengths: source.lengths), gradient: gradient)
    }

    func pass(_ input: ModelInput, _ context: LayerContext<Element>) -> Pass<Element> {
        Pass(
            sequences: input.sequences, positions: input.positions,
            mask: AttentionMask(
                isCausal: architecture.visibility != .all, lengths: input.lengths,
                prefixLengths: architecture.visibility == .prefix ? input.prefixLengths : nil,
                documentStarts: input.documentStarts),
            context)
    }

    func sourcePass(
        _ source: SourceInput, sequences: Int, _ context: LayerContext<Element>
    ) -> Pass<Element> {
        Pass(
            sequences: sequences, positions: source.positions,
            mask: AttentionMask(isCausal: false, lengths: source.lengths), context)
    }
}

/// The inputs of a model that are embedded.
package enum EmbeddedPart: Sendable {
    /// The source of an encoder-decoder.
    case source
    /// The model's own input.
    case own
}
