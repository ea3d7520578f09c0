import Kernels
import Layers
import Tensors

// The mapping from configuration values to the types of the layers.

extension ModelConfiguration {
    /// The dropout probabilities for training.
    package var dropoutRates: DropoutRates {
        guard family.architecture.hasBlocks else { return DropoutRates(embedding: 0, attention: 0, residual: 0) }
        return DropoutRates(
            embedding: embeddingDropout ?? dropout, attention: attentionDropout ?? dropout, residual: dropout)
    }

    /// The initialization of linear layers.
    var initialization: WeightInitialization { WeightInitialization(spread) }

    /// The initialization of embeddings.
    var embeddingInitializer: Initializer { .normal(standardDeviation: initializerStd) }

    /// The kind and parameters of normalization.
    var normalizationStyle: NormalizationStyle {
        NormalizationStyle(
            kind: normalizationKind, epsilon: Float(normalizationEpsilon),
            hasShift: bias)
    }

    private var normalizationKind: NormalizationKind {
        switch normalization {
        case .layer: .layer
        case .rms: .rootMeanSquare
        case .rmsOffset: .offsetRootMeanSquare
        }
    }

    /// The pooling of hidden states.
    var poolingKind: PoolingKind {
        switch pooling {
        case .first: .first
        case .mean: .mean
        case .dense: .dense
        case .denseReLU: .denseReLU
        }
    }

    /// The activation function, without a gate.
    var activationForm: ActivationForm {
        switch activation {
        case .gelu, .geglu: .geluTanh
        case .geluExact: .geluExact
        case .relu: .relu
        case .silu, .swiglu: .silu
        }
    }

    /// The shape of a block of the decoder or encoder.
    func blockShape(_ sizes: ModelSizes, seesMemory: Bool) -> BlockShape {
        let branches = seesMemory ? 3 * targetLayers : 2 * layers
        let blockSizes = seesMemory ? targetBlockSizes : blockSizes
        let factor = scaleResidual ? 1 / Double(branches).squareRoot() : 1
        return BlockShape(
            attention: AttentionShape(
                width: width, headCount: blockSizes.heads, keyHeadCount: blockSizes.keyHeads,
                headWidth: blockSizes.headWidth, penalizesDistance: positions == .alibi,
                rotary: positions == .rotary
                    ? rotaryAngles(positions: sizes.contextLength, blockSizes.headWidth) : nil,
                normalization: queryKeyNormalization ? normalizationStyle : nil, bias: attentionBiases,
                window: attentionWindow, scalesScores: scaleScores),
            hiddenWidth: blockSizes.hiddenWidth,
            activation: hasGate ? .gated(activationForm) : .elementwise(activationForm),
            placement: normalizationPlacement, normalization: normalizationStyle,
            feedForwardBias: feedForwardHasBias,
            initializers: BranchInitializers(
                inner: initialization, outer: WeightInitialization(spread, factor: factor)), seesMemory: seesMemory,
            isParallel: parallelBlocks)
    }

    /// The relative positions of a stack; nil: none.
    func relativeShape(_ sizes: ModelSizes, isBidirectional: Bool) -> RelativeShape? {
        guard positions == .relative else { return nil }
        return RelativeShape(
            buckets: relativeBuckets, distanceLimit: relativeDistance, isBidirectional: isBidirectional,
            positions: sizes.contextLength, initializer: embeddingInitializer)
    }

    /// The shape of the token embedding; the encoder's has the same one.
    func embeddingShape(_ sizes: ModelSizes) -> EmbeddingShape {
        guard family.architecture.hasBlocks else {
            return EmbeddingShape(
                vocabularySize: sizes.vocabularySize, contextLength: sizes.contextLength, width: width,
                positions: .none,
                tokenScale: 1, normalization: nil, initializer: embeddingInitializer)
        }
        let embedded: PositionEmbedding =
            switch positions {
            case .learned: family.architecture.hasPrefixes ? .learnedTwice : .learned
            case .sinusoidal: .sinusoidal(.alternating)
            case .sinusoidalHalves: .sinusoidal(.halves)
            case .rotary, .alibi, .relative, .none: .none
            }
        return EmbeddingShape(
            vocabularySize: sizes.vocabularySize, contextLength: sizes.contextLength, width: width,
            positions: embedded, tokenScale: scaleEmbeddings ? Float(Double(width).squareRoot()) : 1,
            normalization: normalizeEmbeddings ? normalizationStyle : nil, initializer: embeddingInitializer)
    }

    /// The linear layers of attention sublayers that have biases.
    package var attentionBiases: AttentionBias {
        switch attentionBias {
        case .same: AttentionBias(inputs: bias, output: bias)
        case .none: AttentionBias(inputs: false, output: false)
        case .queryKeyValue: AttentionBias(inputs: true, output: false)
        case .all: AttentionBias(inputs: true, output: true)
        }
    }

    /// Whether the linear layers of feed-forward sublayers have biases.
    package var feedForwardHasBias: Bool {
        switch feedForwardBias {
        case .same: bias
        case .none: false
        case .all: true
        }
    }

    /// The angles of rotary positions in heads of dimension `headWidth`.
    package func rotaryAngles(positions: Int, _ headWidth: Int) -> RotaryAngles {
        let scaling: RotaryScaling =
            switch rotaryScaling {
            case .none: .none
            case .linear: .linear(factor: rotaryFactor)
            case .dynamic: .dynamic(factor: rotaryFactor, originalPositions: rotaryOriginalContext)
            case .llama3:
                .byFrequency(
                    .init(
                        factor: rotaryFactor, lowFrequency: rotaryLowFrequency, highFrequency: rotaryHighFrequency,
                        originalPositions: rotaryOriginalContext))
            }
        return RotaryAngles(
            positions: positions, headWidth: headWidth, rotatedWidth: Int(Double(headWidth) * rotaryShare),
            base: rotaryBase, scaling: scaling)
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
