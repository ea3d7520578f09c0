import Kernels
import Layers
import Models
import Numbers
import Objectives
import Tensors
import TestSupport
import Testing

/// A model small enough for finite differences of every parameter, with its input.
struct ModelVariant: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var configuration = ModelConfiguration()
    var loss = Loss.crossEntropy(smoothing: 0)
    /// The number of outputs of a classifier per sequence.
    var outputs = 0
    /// The lengths of the two sequences without padding.
    var lengths: [Int]?
    /// The lengths of the prefixes.
    var prefixLengths: [Int]?
    /// The first position to which each position attends.
    var documentStarts: [Int]?
    /// Whether the input has explicit position IDs.
    var hasPositionIDs = false

    static let (vocabulary, context, sequences, positions, sourcePositions) = (7, 6, 2, 5, 4)
    static let image = ImageShape(height: 4, width: 6, channels: 2)

    init(_ family: ModelConfiguration.Family, _ name: String, _ change: (inout ModelVariant) -> Void) {
        testDescription = "\(family.rawValue) \(name)"
        configuration.family = family
        (configuration.layers, configuration.heads, configuration.width) = (2, 4, 8)
        (configuration.feedForwardWidth, configuration.normalizationEpsilon, configuration.patchSize) = (6, 0.01, 2)
        if family.architecture.output == .sequence { outputs = 3 }
        change(&self)
    }

    var sizes: ModelSizes {
        configuration.family == .imageClassifier
            ? ModelSizes(
                image: ModelVariant.image, patchSize: 2, tokens: configuration.imageTokens, outputs: outputs)
            : ModelSizes(
                vocabularySize: ModelVariant.vocabulary, contextLength: ModelVariant.context, outputs: outputs)
    }

    func model<Element: Storage>(_: Element.Type) -> Transformer<Element> { Transformer(configuration, sizes) }

    /// Random tokens and targets, some of them ignored. The last unpadded position of each sequence has a target.
    func batch(seed: UInt64 = 1) -> ModelBatch {
        let (B, V) = (ModelVariant.sequences, ModelVariant.vocabulary)
        var batch = ModelBatch()
        let T = configuration.family == .imageClassifier ? sizes.contextLength : ModelVariant.positions
        (batch.input.sequences, batch.input.positions) = (B, T)
        (batch.input.lengths, batch.input.prefixLengths, batch.input.documentStarts) = (
            lengths, prefixLengths, documentStarts
        )
        if let image = sizes.image {
            batch.input.patches = normals(B * image.patchCount(2) * image.patchWidth(2), seed: seed + 5)
        } else {
            batch.input.tokens = integers(B * T, below: V, seed: seed)
        }
        if hasPositionIDs {
            batch.input.positionIDs = integers(B * T, below: ModelVariant.context, seed: seed + 3)
            batch.input.spanPositionIDs = integers(B * T, below: ModelVariant.context, seed: seed + 4)
        }
        if configuration.family == .encoderDecoder {
            batch.input.sourceTokens = integers(B * ModelVariant.sourcePositions, below: V, seed: seed + 6)
            batch.input.sourceLengths = [ModelVariant.sourcePositions, 2]
        }
        switch (loss, configuration.family.architecture.output) {
        case (.crossEntropy, .tokens):
            batch.targets = integers(B * T, below: V, seed: seed + 1)
            batch.targets[0] = Int(ignoredTarget)
            for b in 0..<B {
                for t in (lengths?[b] ?? T)..<T { batch.targets[b * T + t] = Int(ignoredTarget) }
            }
        case (.crossEntropy, .sequence): batch.targets = integers(B, below: outputs, seed: seed + 1)
        case (.binaryCrossEntropy, _): batch.values = integers(B * outputs, below: 2, seed: seed + 1).map(Double.init)
        case (.squaredError, _): batch.values = normals(B * outputs, seed: seed + 1)
        case (.negativeSampling, _): preconditionFailure("word vectors have their own tests")
        }
        return batch
    }

    var dropouts: ModelDropouts { ModelDropouts(rates: configuration.dropoutRates, samples: [5, 1 << 32 + 9]) }

    var reference: ReferenceTransformer {
        var reference = ReferenceTransformer(configuration)
        reference.dropouts = dropouts.reference
        return reference
    }
}

extension ModelConfiguration {
    /// The part of a parameter whose gradient is not always zero: softmax is invariant to a constant added to all keys,
    /// unless rotary positions are used.
    func visible(_ name: String) -> (([Double]) -> [Double]) {
        let keyWidth = keyHeads * headWidth
        if name.hasSuffix("cross_attention.key_value.bias") { return { Array($0[keyWidth...]) } }
        if name.hasSuffix("key_normalization.shift"), positions != .rotary { return { _ in [] } }
        if name.hasSuffix("query_key_value.bias"), positions != .rotary, !queryKeyNormalization {
            return { Array($0[..<($0.count - 2 * keyWidth)] + $0[($0.count - keyWidth)...]) }
        }
        return { $0 }
    }
}

extension ReferenceTransformer {
    /// The reference implementation of a configuration, without dropout.
    init(_ configuration: ModelConfiguration) {
        self.init()
        (width, heads, keyHeads) = (configuration.width, configuration.heads, configuration.keyHeads)
        if configuration.decoderHeads > 0 { targetHeads = configuration.decoderHeads }
        (headDimension, isParallel) = (
            configuration.headDimension > 0 ? configuration.headDimension : nil, configuration.parallelBlocks
        )
        (isRootMeanSquare, epsilon) = (configuration.normalization != .layer, configuration.normalizationEpsilon)
        scaleOffset = configuration.normalization == .rmsOffset ? 1 : 0
        placement =
            switch configuration.placement {
            case .pre: .pre
            case .post: .post
            case .sandwich: .sandwich
            }
        positions =
            switch configuration.positions {
            case .learned: .learned
            case .sinusoidal: .sinusoidal
            case .sinusoidalHalves: .sinusoidalHalves
            case .rotary: .rotary
            case .relative: .relative
            case .alibi: .distance
            case .none: .none
            }
        rotaryBase = configuration.rotaryBase
        (window, unlimited) = (configuration.attentionWindow, configuration.unlimitedLayers)
        scalesScores = configuration.scaleScores
        headScale = configuration.scaleHead ? 1 / Double(configuration.width).squareRoot() : 1
        bucket = { [configuration] distance, isBidirectional in
            RelativeShape(
                buckets: configuration.relativeBuckets, distanceLimit: configuration.relativeDistance,
                isBidirectional: isBidirectional, positions: 0, initializer: .zeros
            ).bucket(distance)
        }
        if positions == .rotary {
            rotaryFrequencies = configuration.rotaryAngles(positions: ModelVariant.context, configuration.headWidth)
                .frequencies(length: ModelVariant.positions)
        }
        isGated = configuration.activation == .swiglu || configuration.activation == .geglu
        activation =
            switch configuration.activation {
            case .gelu, .geglu: .geluTanh
            case .geluExact: .geluExact
            case .relu: .relu
            case .silu, .swiglu: .silu
            }
        tokenScale = configuration.scaleEmbeddings ? Double(configuration.width).squareRoot() : 1
        isCausal =
            switch configuration.family {
            case .decoder, .encoderDecoder, .prefixDecoder: true
            case .encoder, .classifier, .imageClassifier, .wordVectors: false
            }
        switch configuration.family {
        case .classifier, .imageClassifier:
            pooling =
                switch configuration.pooling {
                case .first: .first
                case .mean: .mean
                case .dense: .dense
                case .denseReLU: .denseReLU
                }
        default: pooling = nil
        }
    }
}
