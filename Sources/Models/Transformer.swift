import Kernels
import Layers
import Tensors

// B sequences, T positions, S positions of the source, C width; rows = B · T.

/// A Transformer of any family: embeddings, an encoder where there is one, blocks, pooling where there is one, and a head.
package struct Transformer<Element: Storage> {
    package let configuration: ModelConfiguration
    package let sizes: ModelSizes
    package let architecture: Architecture
    /// Every parameter; section 0 holds the embeddings, then one section a block and one behind the last of each stack; the
    /// head is in the last one.
    package let layout: ParameterLayout
    /// From what `Activations.output` holds to logits or values; it shares the token table where embeddings are tied.
    package let head: PredictionHead<Element>
    let encoder: Encoder?
    let input: InputEmbedding
    let stack: TransformerStack<Element>
    let pooling: Pooling<Element>?
    let headIsTied: Bool

    /// What reads the source.
    struct Encoder {
        let embedding: Embedding<Element>
        let stack: TransformerStack<Element>
        let sharesTable: Bool
    }

    /// What reads the sequences.
    enum InputEmbedding {
        case tokens(Embedding<Element>)
        case patches(PatchEmbedding<Element>)
    }

    /// Declares the model that `configuration` describes, for data of `sizes`.
    package init(_ configuration: ModelConfiguration, _ sizes: ModelSizes) {
        let architecture = configuration.family.architecture
        self.configuration = configuration
        self.sizes = sizes
        self.architecture = architecture
        var layout = ParameterLayout()
        layout.beginSection()

        // Places where something is dropped are counted from the source's embedding on.
        var encoderEmbedding: Embedding<Element>?
        var site = 0
        if architecture.hasEncoder {
            encoderEmbedding = Embedding(
                "encoder.", configuration.embeddingShape(sizes), site: site, in: &layout)
            site += 1 + configuration.layers * configuration.blockShape(sizes, seesMemory: false).sites
        }
        let firstSite = site
        let tokenTable: Int?
        switch architecture.input {
        case .tokens:
            let sharesTable = configuration.shareEmbeddings
            let embedding = Embedding<Element>(
                "", configuration.embeddingShape(sizes),
                sharing: sharesTable ? encoderEmbedding?.tokenTable : nil, site: firstSite, in: &layout)
            input = .tokens(embedding)
            tokenTable = embedding.tokenTable
        case .patches:
            guard let image = sizes.image else { preconditionFailure("a model of images is told their size") }
            input = .patches(
                PatchEmbedding(
                    patchCount: image.patchCount(configuration.patchSize),
                    patchWidth: image.patchWidth(configuration.patchSize), width: configuration.width,
                    learnsPositions: configuration.positions == .learned, configuration.initialization,
                    initializer: configuration.embeddingInitializer, site: firstSite, in: &layout))
            tokenTable = nil
        }
        encoder = encoderEmbedding.map { embedding in
            Encoder(
                embedding: embedding,
                stack: TransformerStack(
                    "encoder.", count: configuration.layers, configuration.blockShape(sizes, seesMemory: false),
                    firstSite: 1, in: &layout),
                sharesTable: configuration.shareEmbeddings)
        }
        stack = TransformerStack(
            "", count: architecture.hasEncoder ? configuration.targetLayers : configuration.layers,
            configuration.blockShape(sizes, seesMemory: architecture.hasEncoder), firstSite: firstSite + 1,
            in: &layout)
        switch architecture.output {
        case .tokens:
            pooling = nil
            headIsTied = configuration.tieEmbeddings
            let isTransformed = configuration.head == .transform
            head = PredictionHead(
                inputWidth: configuration.width, outputWidth: sizes.vocabularySize,
                tiedTo: headIsTied ? tokenTable : nil, bias: isTransformed,
                transform: isTransformed
                    ? (configuration.elementwiseActivation, configuration.normalizationStyle) : nil,
                configuration.initialization, in: &layout)
        case .sequence:
            pooling = Pooling(
                configuration.poolingKind, width: configuration.width, configuration.initialization, in: &layout)
            headIsTied = false
            head = PredictionHead(
                inputWidth: configuration.width, outputWidth: sizes.outputs, tiedTo: nil, bias: true, transform: nil,
                configuration.initialization, in: &layout)
        }
        self.layout = layout
    }

    /// The rows that the head reads of `sequences` × `positions`: one a position, or one a sequence.
    package func outputRows(sequences: Int, positions: Int) -> Int {
        pooling == nil ? sequences * positions : sequences
    }
}
