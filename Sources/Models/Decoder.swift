import Kernels
import Layers
import Tensors

// B sequences, T positions, C width, L layers; rows = B · T.

/// A decoder-only Transformer of GPT-2's shape: each position sees itself and what stands before it.
///
/// - Source: Radford et al. 2019, "Language models are unsupervised multitask learners".
package struct Decoder<Element: Storage> {
    /// Every parameter; section 0 is the embedding, 1 ... L the blocks, L + 1 the final normalization and the head.
    package let layout: ParameterLayout
    /// From the last hidden state to logits; it shares the token table where embeddings are tied.
    package let head: Linear<Element>
    let embedding: Embedding<Element>
    let blocks: [TransformerBlock<Element>]
    let finalNormalization: Normalization<Element>
    let width: Int
    private let headIsTied: Bool

    /// The longest sequence.
    package let contextLength: Int
    /// V, the rows of the token table.
    package let vocabularySize: Int

    /// Declares the model. Weights start normal, those that write to the residual stream with 1/√(2L) of the deviation.
    package init(_ configuration: ModelConfiguration, vocabularySize: Int, contextLength: Int) {
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        width = configuration.width
        headIsTied = configuration.tieEmbeddings
        let deviation = configuration.initializerStd
        let initializer = Initializer.normal(standardDeviation: deviation)
        let outputInitializer = Initializer.normal(
            standardDeviation: deviation / Double(2 * configuration.layers).squareRoot())
        let form: ActivationForm = configuration.activation == .gelu ? .geluTanh : .geluExact

        var layout = ParameterLayout()
        layout.beginSection()
        embedding = Embedding(
            vocabularySize: vocabularySize, contextLength: contextLength, width: width, initializer: initializer,
            in: &layout)
        blocks = (0..<configuration.layers).map { index in
            layout.beginSection()
            return TransformerBlock(
                index: index, width: configuration.width, headCount: configuration.heads,
                hiddenWidth: configuration.feedForwardWidth, activation: form, bias: configuration.bias,
                initializer: initializer, outputInitializer: outputInitializer, in: &layout)
        }
        layout.beginSection()
        finalNormalization = Normalization(
            "final_normalization", width: width, bias: configuration.bias, in: &layout)
        head =
            configuration.tieEmbeddings
            ? Linear(sharing: embedding.tokenTable, inputWidth: width, outputWidth: vocabularySize)
            : Linear(
                "head", inputWidth: width, outputWidth: vocabularySize, bias: false, initializer: initializer,
                in: &layout)
        self.layout = layout
    }

    /// What the backward pass needs of the forward pass, for up to a number of sequences.
    package struct Activations {
        /// The final hidden states, [B, T, C].
        package let hidden: UnsafeMutablePointer<Element>
        let embedded: UnsafeMutablePointer<Element>
        let blocks: [TransformerBlock<Element>.Activations]
        let finalStatistics: Normalization<Element>.Statistics
        private let arena: ActivationArena

        init(_ decoder: Decoder, sequences: Int, positions: Int) {
            let arena = ActivationArena()
            let rows = sequences * positions
            embedded = arena.take(Element.self, rows * decoder.width)
            blocks = decoder.blocks.map {
                $0.takeActivations(sequences: sequences, positions: positions, from: arena)
            }
            hidden = arena.take(Element.self, rows * decoder.width)
            finalStatistics = arena.takeStatistics(Element.self, rows: rows)
            self.arena = arena
        }
    }

    /// Memory for the activations of `sequences` × `positions`.
    package func makeActivations(sequences: Int, positions: Int) -> Activations {
        Activations(self, sequences: sequences, positions: positions)
    }

    /// Computes `activations.hidden` from tokens.
    ///
    /// - Parameters:
    ///   - tokens: [B, T], each in 0 ..< V.
    ///   - weights: The arena of all weights.
    ///   - dropout: nil outside training.
    package func forward(
        _ tokens: UnsafePointer<Int32>, weights: UnsafePointer<Element>, _ activations: Activations,
        sequences: Int, positions: Int, dropout: Dropout?, _ workspace: Workspace
    ) {
        let rows = sequences * positions
        workspace.spans.begin(.embedding)
        embedding.forward(
            tokens, weights: weights, into: activations.embedded, sequences: sequences, positions: positions)
        if let dropout {
            // Dropped in Float32, like every other place.
            let values = workspace.floats(.branch, rows * width)
            convert(UnsafePointer(activations.embedded), into: values, count: rows * width)
            dropout.apply(values, sequences: sequences, elements: positions * width, site: 0)
            convert(UnsafePointer(values), into: activations.embedded, count: rows * width)
        }
        workspace.spans.end()
        var stream = UnsafePointer(activations.embedded)
        // By index: a zipped sequence allocates.
        for index in blocks.indices {
            workspace.spans.begin(.block, index)
            blocks[index].forward(
                stream, weights: weights, activations.blocks[index], sequences: sequences, positions: positions,
                dropout: dropout, workspace)
            workspace.spans.end()
            stream = UnsafePointer(activations.blocks[index].output)
        }
        workspace.spans.begin(.finalNormalization)
        finalNormalization.forward(
            stream, weights: weights, into: activations.hidden, activations.finalStatistics, rows: rows)
        workspace.spans.end()
    }

    /// The backward pass of `forward`, after the objective has left its part in the head's gradient.
    ///
    /// - Parameters:
    ///   - hiddenGradient: [B, T, C], of the final hidden states.
    ///   - gradients: The arena of all gradients, overwritten but for a tied token table, which is added to.
    ///   - sectionIsFinal: Called with the number of each section as soon as nothing more is added to its gradients:
    ///     L + 1 first, 0 last.
    package func backward(
        _ tokens: UnsafePointer<Int32>, hiddenGradient: UnsafePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, _ activations: Activations, sequences: Int, positions: Int,
        dropout: Dropout?, _ workspace: Workspace, sectionIsFinal: (Int) throws -> Void
    ) rethrows {
        let rows = sequences * positions
        let streamGradient = workspace.floats(.streamGradient, rows * width)
        streamGradient.update(repeating: 0, count: rows * width)
        func input(of block: Int) -> UnsafePointer<Element> {
            UnsafePointer(block == 0 ? activations.embedded : activations.blocks[block - 1].output)
        }
        workspace.spans.begin(.finalNormalization)
        finalNormalization.backward(
            input(of: blocks.count), outputGradient: hiddenGradient, weights: weights, gradients: gradients,
            accumulatingInto: streamGradient, activations.finalStatistics, rows: rows, workspace)
        workspace.spans.end()
        try sectionIsFinal(blocks.count + 1)
        for index in blocks.indices.reversed() {
            workspace.spans.begin(.block, index)
            blocks[index].backward(
                input(of: index), streamGradient: streamGradient, weights: weights, gradients: gradients,
                activations.blocks[index], sequences: sequences, positions: positions, dropout: dropout, workspace)
            workspace.spans.end()
            try sectionIsFinal(index + 1)
        }
        workspace.spans.begin(.embedding)
        dropout?.apply(streamGradient, sequences: sequences, elements: positions * width, site: 0)
        embedding.backward(
            tokens, outputGradient: streamGradient, gradients: gradients, sequences: sequences, positions: positions,
            accumulating: headIsTied, workspace)
        workspace.spans.end()
        try sectionIsFinal(0)
    }
}
