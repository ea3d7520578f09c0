import Layers
import Numbers
import Tensors

// B sequences, T positions, S source positions, C hidden size; rows = B · T.

/// A Transformer of any family: embedding, optional encoder, blocks, optional pooling, and prediction head.
package struct Transformer<Element: Storage> {
    package let configuration: ModelConfiguration
    package let sizes: ModelSizes
    package let architecture: Architecture
    /// All parameters. Section 0 holds the embeddings; each block has a section, and the end of each stack has one. The
    /// head is in the last section. With an adaptation they are frozen, and `layout.trained` has the parameters that
    /// are trained.
    package let layout: ParameterLayout
    /// The prediction head, applied to `Activations.output`; with tied embeddings it shares the token embedding's
    /// weight.
    package let head: PredictionHead<Element>
    let encoder: Encoder?
    let input: InputEmbedding
    let stack: TransformerStack<Element>?
    let pooling: Pooling<Element>?
    let headIsTied: Bool

    /// The encoder of the source.
    struct Encoder {
        let embedding: Embedding<Element>
        let stack: TransformerStack<Element>
        let sharesTable: Bool
    }

    /// The input embedding.
    enum InputEmbedding {
        case tokens(Embedding<Element>)
        case patches(PatchEmbedding<Element>)
    }

    /// Declares the parameters of the model that `configuration` describes, for data of `sizes`.
    ///
    /// - Parameter adaptation: The adapters of linear layers of the blocks; nil: none.
    package init(_ configuration: ModelConfiguration, _ sizes: ModelSizes, _ adaptation: LowRankAdaptation? = nil) {
        let shape = configuration.shape(sizes)
        let width = configuration.width
        self.configuration = configuration
        self.sizes = sizes
        architecture = configuration.family.architecture
        var layout = ParameterLayout(adaptation)
        layout.beginSection()

        // Dropout sites are numbered from the encoder's embedding on.
        var encoderEmbedding: Embedding<Element>?
        var firstSite = 0
        if let encoder = shape.encoder {
            encoderEmbedding = Embedding("encoder.", encoder.embedding, site: firstSite, in: &layout)
            firstSite += 1 + encoder.stack.layers * encoder.stack.block.sites
        }
        let tokenTable: Int?
        switch shape.input {
        case .tokens(let embeddingShape):
            let sharesTable = shape.encoder?.sharesTable ?? false
            let embedding = Embedding<Element>(
                "", embeddingShape, sharing: sharesTable ? encoderEmbedding?.tokenTable : nil, site: firstSite,
                in: &layout)
            input = .tokens(embedding)
            tokenTable = embedding.tokenTable
        case .patches(let patches):
            input = .patches(
                PatchEmbedding(
                    patchCount: patches.patchCount, patchWidth: patches.patchWidth, width: patches.width,
                    distills: patches.distills, learnsPositions: patches.learnsPositions, patches.initialization,
                    initializer: patches.initializer,
                    site: firstSite, in: &layout))
            tokenTable = nil
        }
        if let encoderEmbedding, let encoder = shape.encoder {
            self.encoder = Encoder(
                embedding: encoderEmbedding,
                stack: TransformerStack(
                    "encoder.", count: encoder.stack.layers, encoder.stack.block, unlimited: encoder.stack.unlimited,
                    relative: encoder.stack.relative, firstSite: 1, in: &layout),
                sharesTable: encoder.sharesTable)
        } else {
            encoder = nil
        }
        stack = shape.stack.map { stack in
            TransformerStack(
                "", count: stack.layers, stack.block, unlimited: stack.unlimited, relative: stack.relative,
                firstSite: firstSite + 1, in: &layout)
        }
        switch shape.output {
        case .tokens(let isTied, let bias, let transform, let scale):
            pooling = nil
            headIsTied = isTied
            head = PredictionHead(
                inputWidth: width, outputWidth: shape.outputs, tiedTo: isTied ? tokenTable : nil,
                bias: bias, transform: transform.map { ($0.form, $0.normalization) },
                scale: scale, shape.headInitialization, in: &layout)
        case .sequence(let kind):
            pooling = Pooling(kind, width: width, shape.headInitialization, in: &layout)
            headIsTied = false
            head = PredictionHead(
                inputWidth: width, outputWidth: shape.outputs, tiedTo: nil, bias: true, transform: nil,
                shape.headInitialization, in: &layout)
        }
        self.layout = layout
    }

    /// The weights that several layers share, in words; empty if there are none.
    package var ties: [String] {
        let encoderTable = encoder.map { $0.sharesTable } ?? false
        return (encoderTable ? ["encoder and decoder share one token embedding"] : [])
            + (headIsTied ? ["the head's weight is the token embedding (model.tie_embeddings)"] : [])
    }

    /// The blocks of a model that has some.
    var blocks: TransformerStack<Element> {
        guard let stack else { preconditionFailure("a model without blocks generates nothing") }
        return stack
    }

    /// L, the number of blocks, without those of an encoder-decoder's encoder.
    package var blockCount: Int { stack?.blocks.count ?? 0 }

    /// The number of rows that the head reads: one per position or, with pooling, one per sequence.
    package func outputRows(sequences: Int, positions: Int) -> Int {
        pooling == nil ? sequences * positions : sequences
    }
}

extension ModelConfiguration {
    /// The parameters of this model for data of `sizes`, without any memory for them.
    ///
    /// - Parameter adaptation: The adapters of linear layers of the blocks; nil: none.
    package func layout(_ sizes: ModelSizes, _ adaptation: LowRankAdaptation? = nil) -> ParameterLayout {
        Transformer<Float>(self, sizes, adaptation).layout
    }
}
