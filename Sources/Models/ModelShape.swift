import Kernels
import Layers
import Tensors

/// The shapes of a model's parts: all that `Transformer` takes from the configuration and the data's sizes.
///
/// A model is built only from its shape. A configuration key that leaves the shape unchanged is therefore not used by
/// models of that family.
package struct ModelShape: Equatable, Sendable {
    /// The input embedding.
    enum Input: Equatable, Sendable {
        case tokens(EmbeddingShape)
        case patches(PatchShape)
    }

    /// The embedding of image patches.
    struct PatchShape: Equatable, Sendable {
        let patchCount: Int
        let patchWidth: Int
        let width: Int
        let distills: Bool
        let learnsPositions: Bool
        let initialization: WeightInitialization
        let initializer: Initializer
    }

    /// A stack of equal blocks.
    struct StackShape: Equatable, Sendable {
        let layers: Int
        let block: BlockShape
        /// The number of first blocks without the window.
        let unlimited: Int
        let relative: RelativeShape?
    }

    /// The encoder of an encoder-decoder.
    struct EncoderShape: Equatable, Sendable {
        let embedding: EmbeddingShape
        let stack: StackShape
        /// Whether the decoder shares the encoder's token embedding.
        let sharesTable: Bool
    }

    /// The layers after the last block.
    enum Output: Equatable, Sendable {
        /// A token at each position.
        case tokens(isTied: Bool, bias: Bool, transform: TransformShape?, scale: Float)
        /// One vector of outputs per sequence.
        case sequence(PoolingKind)
    }

    /// The part of a prediction head before its output projection.
    struct TransformShape: Equatable, Sendable {
        let form: ActivationForm
        let normalization: NormalizationStyle
    }

    let input: Input
    let encoder: EncoderShape?
    /// nil: no blocks.
    let stack: StackShape?
    let output: Output
    /// The number of outputs of the head.
    let outputs: Int
    let headInitialization: WeightInitialization
    /// The dropout probabilities for training.
    let dropouts: DropoutRates
}

extension ModelConfiguration {
    /// The shapes of the model's parts for data of `sizes`.
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
                stack: stackShape(sizes, layers: layers, seesMemory: false, isBidirectional: true),
                sharesTable: shareEmbeddings) : nil
        let output: ModelShape.Output =
            switch architecture.output {
            case .tokens where !architecture.hasBlocks: .tokens(isTied: false, bias: false, transform: nil, scale: 1)
            case .tokens:
                .tokens(
                    isTied: tieEmbeddings, bias: headBias || head == .transform, transform: transformShape,
                    scale: scaleHead && head == .linear ? Float(1 / Double(width).squareRoot()) : 1)
            case .sequence: .sequence(poolingKind)
            }
        return ModelShape(
            input: input, encoder: encoder,
            stack: architecture.hasBlocks
                ? stackShape(
                    sizes, layers: architecture.hasEncoder ? targetLayers : layers,
                    seesMemory: architecture.hasEncoder, isBidirectional: architecture.visibility != .causal) : nil,
            output: output, outputs: architecture.output == .tokens ? sizes.vocabularySize : sizes.outputs,
            headInitialization: initialization, dropouts: dropoutRates)
    }

    private func stackShape(
        _ sizes: ModelSizes, layers: Int, seesMemory: Bool, isBidirectional: Bool
    ) -> ModelShape.StackShape {
        ModelShape.StackShape(
            layers: layers, block: blockShape(sizes, seesMemory: seesMemory),
            unlimited: attentionWindow > 0 ? unlimitedLayers : 0,
            relative: relativeShape(sizes, isBidirectional: isBidirectional))
    }

    private func patchShape(_ sizes: ModelSizes) -> ModelShape.PatchShape {
        guard let image = sizes.image else { preconditionFailure("the image size is unknown") }
        return ModelShape.PatchShape(
            patchCount: image.patchCount(patchSize), patchWidth: image.patchWidth(patchSize), width: width,
            distills: distillationToken, learnsPositions: positions == .learned, initialization: initialization,
            initializer: embeddingInitializer)
    }

    private var transformShape: ModelShape.TransformShape? {
        head == .transform
            ? ModelShape.TransformShape(form: activationForm, normalization: normalizationStyle) : nil
    }
}
