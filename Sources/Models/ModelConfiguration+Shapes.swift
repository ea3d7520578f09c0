import Kernels
import Layers
import Tensors

// The mapping from configuration values to the types of the layers.

extension ModelConfiguration {
    /// The dropout probabilities for training.
    package var dropoutRates: DropoutRates {
        DropoutRates(
            embedding: embeddingDropout ?? dropout, attention: attentionDropout ?? dropout, residual: dropout)
    }

    /// The initialization of linear layers.
    var initialization: WeightInitialization { WeightInitialization(spread) }

    /// The initialization of embeddings.
    var embeddingInitializer: Initializer { .normal(standardDeviation: initializerStd) }

    /// The kind and parameters of normalization.
    var normalizationStyle: NormalizationStyle {
        NormalizationStyle(
            kind: normalization == .layer ? .layer : .rootMeanSquare, epsilon: Float(normalizationEpsilon),
            hasShift: bias)
    }

    /// The pooling of hidden states.
    var poolingKind: PoolingKind {
        switch pooling {
        case .first: .first
        case .mean: .mean
        case .dense: .dense
        }
    }

    /// The activation function of layers without a gate.
    var elementwiseActivation: ActivationForm {
        switch activation {
        case .gelu: .geluTanh
        case .geluExact: .geluExact
        case .relu: .relu
        case .silu, .swiglu: .silu
        }
    }

    /// The shape of a block of the decoder or encoder.
    func blockShape(_ sizes: ModelSizes, seesMemory: Bool) -> BlockShape {
        let branches = seesMemory ? 3 * targetLayers : 2 * layers
        let factor = scaleResidual ? 1 / Double(branches).squareRoot() : 1
        return BlockShape(
            attention: AttentionShape(
                width: width, headCount: heads, keyHeadCount: keyHeads, penalizesDistance: positions == .alibi,
                rotary: positions == .rotary
                    ? RotaryAngles(positions: sizes.contextLength, headWidth: headWidth, base: rotaryBase) : nil),
            hiddenWidth: hiddenWidth, activation: activation == .swiglu ? .swiGLU : .elementwise(elementwiseActivation),
            placement: normalizationPlacement, normalization: normalizationStyle, bias: bias,
            initializers: BranchInitializers(
                inner: initialization, outer: WeightInitialization(spread, factor: factor)), seesMemory: seesMemory)
    }

    /// The shape of the token embedding; the encoder's has the same one.
    func embeddingShape(_ sizes: ModelSizes) -> EmbeddingShape {
        let embedded: PositionEmbedding =
            switch positions {
            case .learned: family.architecture.hasPrefixes ? .learnedTwice : .learned
            case .sinusoidal: .sinusoidal(.alternating)
            case .sinusoidalHalves: .sinusoidal(.halves)
            case .rotary, .alibi, .none: .none
            }
        return EmbeddingShape(
            vocabularySize: sizes.vocabularySize, contextLength: sizes.contextLength, width: width,
            positions: embedded, tokenScale: scaleEmbeddings ? Float(Double(width).squareRoot()) : 1,
            normalization: normalizeEmbeddings ? normalizationStyle : nil, initializer: embeddingInitializer)
    }

    private var spread: WeightInitialization.Spread {
        switch initializer {
        case .normal: .normal(deviation: initializerStd)
        case .xavier: .xavier
        case .kaiming: .kaiming
        }
    }

    private var normalizationPlacement: NormalizationPlacement {
        switch placement {
        case .pre: .pre
        case .post: .post
        case .sandwich: .sandwich
        }
    }
}
