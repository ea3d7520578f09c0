import Kernels
import Layers
import Tensors

/// The shapes of a model's parts: all that a `Transformer` takes from a configuration and from the sizes of the data.
///
/// There is no other way from a configuration to a model, so a key that leaves the shape unchanged is one that models of the
/// family do not read.
package struct ModelShape: Equatable, Sendable {
    /// What reads the sequences.
    enum Input: Equatable, Sendable {
        case tokens(EmbeddingShape)
        case patches(PatchShape)
    }

    /// The embedding of an image's patches.
    struct PatchShape: Equatable, Sendable {
        let patchCount: Int
        let patchWidth: Int
        let width: Int
        let learnsPositions: Bool
        let initialization: WeightInitialization
        let initializer: Initializer
    }

    /// Blocks one after another.
    struct StackShape: Equatable, Sendable {
        let layers: Int
        let block: BlockShape
    }

    /// The part that reads a source.
    struct EncoderShape: Equatable, Sendable {
        let embedding: EmbeddingShape
        let stack: StackShape
        /// Whether the decoder has the encoder's token table.
        let sharesTable: Bool
    }

    /// The part behind the last block.
    enum Output: Equatable, Sendable {
        /// A token for each position.
        case tokens(isTied: Bool, transform: TransformShape?)
        /// A row of numbers for each sequence.
        case sequence(PoolingKind)
    }

    /// The part of a head before its linear map.
    struct TransformShape: Equatable, Sendable {
        let form: ActivationForm
        let normalization: NormalizationStyle
    }

    let input: Input
    let encoder: EncoderShape?
    let stack: StackShape
    let output: Output
    /// The numbers that the head predicts.
    let outputs: Int
    let headInitialization: WeightInitialization
    /// The shares that are dropped while training.
    let dropouts: DropoutRates
}

extension ModelConfiguration {
    /// The shapes of the parts of a model for data of `sizes`.
    package func shape(_ sizes: ModelSizes) -> ModelShape {
        let architecture = family.architecture
        let input: ModelShape.Input =
            switch architecture.input {
            case .tokens: .tokens(embeddingShape(sizes))
            case .patches: .patches(patchShape(sizes))
            }
        let encoder =
            architecture.hasEncoder
            ? ModelShape.EncoderShape(
                embedding: embeddingShape(sizes),
                stack: ModelShape.StackShape(layers: layers, block: blockShape(sizes, seesMemory: false)),
                sharesTable: shareEmbeddings) : nil
        let output: ModelShape.Output =
            switch architecture.output {
            case .tokens: .tokens(isTied: tieEmbeddings, transform: transformShape)
            case .sequence: .sequence(poolingKind)
            }
        return ModelShape(
            input: input, encoder: encoder,
            stack: ModelShape.StackShape(
                layers: architecture.hasEncoder ? targetLayers : layers,
                block: blockShape(sizes, seesMemory: architecture.hasEncoder)),
            output: output, outputs: architecture.output == .tokens ? sizes.vocabularySize : sizes.outputs,
            headInitialization: initialization, dropouts: dropoutRates)
    }

    private func patchShape(_ sizes: ModelSizes) -> ModelShape.PatchShape {
        guard let image = sizes.image else { preconditionFailure("a model of images is told their size") }
        return ModelShape.PatchShape(
            patchCount: image.patchCount(patchSize), patchWidth: image.patchWidth(patchSize), width: width,
            learnsPositions: positions == .learned, initialization: initialization, initializer: embeddingInitializer)
    }

    private var transformShape: ModelShape.TransformShape? {
        head == .transform
            ? ModelShape.TransformShape(form: elementwiseActivation, normalization: normalizationStyle) : nil
    }
}
