/// The section `model` of a configuration: the architecture and its sizes.
package struct ModelConfiguration: Equatable, Sendable {
    /// The model family.
    package enum Family: String, CaseIterable, Sendable {
        /// A causal decoder (GPT, Llama).
        case decoder
        /// A bidirectional encoder (BERT).
        case encoder
        /// A decoder with cross-attention to an encoder (Vaswani et al., Marian).
        case encoderDecoder = "encoder_decoder"
        /// A causal decoder with bidirectional attention within a prefix (GLM).
        case prefixDecoder = "prefix_decoder"
        /// An encoder with a prediction head for a whole text.
        case classifier
        /// An encoder of image patches with a prediction head for the image (ViT).
        case imageClassifier = "image_classifier"
        /// Word vectors (word2vec).
        case wordVectors = "word_vectors"
    }

    /// The kind of normalization.
    package enum Normalization: String, CaseIterable, Sendable {
        /// Layer normalization: mean and variance over the hidden size, with scale and shift.
        case layer
        /// RMS normalization: root mean square over the hidden size, with scale.
        case rms
        /// RMS normalization whose scale is stored as its difference from 1 (Gemma).
        case rmsOffset = "rms_offset"
    }

    /// The position of the normalizations in a block.
    package enum Placement: String, CaseIterable, Sendable {
        /// Pre-norm: the input of each sublayer, and the output of the last block.
        case pre
        /// Post-norm: the sum of a sublayer's input and output.
        case post
        /// The input and the output of each sublayer, and the output of the last block.
        case sandwich
    }

    /// The position encoding.
    package enum Positions: String, CaseIterable, Sendable {
        /// A learned vector per position. A prefix decoder has two: one for the position in the text, one for the
        /// position in the span.
        case learned
        /// Sines and cosines in alternating elements.
        case sinusoidal
        /// Sines in the first half of the elements, cosines in the second.
        case sinusoidalHalves = "sinusoidal_halves"
        /// RoPE: queries and keys are rotated by angles proportional to the position.
        case rotary
        /// Learned biases of attention scores by distance, in buckets (T5).
        case relative
        /// ALiBi: attention scores are reduced in proportion to the distance.
        case alibi
        /// No position encoding.
        case none
    }

    /// The activation function of feed-forward layers.
    package enum Activation: String, CaseIterable, Sendable {
        /// GELU, tanh approximation.
        case gelu
        /// GELU, exact (error function).
        case geluExact = "gelu_exact"
        /// max(0, x).
        case relu
        /// x · sigmoid(x), also called swish.
        case silu
        /// SiLU of one projection times another projection.
        case swiglu
        /// GELU (tanh approximation) of one projection times another projection.
        case geglu
    }

    /// The change of the rotary frequencies for sequences longer than those of the pretraining.
    package enum RotaryScalingKind: String, CaseIterable, Sendable {
        /// None.
        case none
        /// All frequencies are divided by `rotaryFactor`.
        case linear
        /// The base grows with sequences longer than `rotaryOriginalContext`.
        case dynamic
        /// Frequencies below `rotaryHighFrequency` waves per `rotaryOriginalContext` are reduced.
        case llama3
    }

    /// The linear layers of attention sublayers that have biases.
    package enum AttentionBiasKind: String, CaseIterable, Sendable {
        /// As `bias` says.
        case same
        /// None of them.
        case none
        /// The projections to queries, keys and values.
        case queryKeyValue = "query_key_value"
        /// All of them.
        case all
    }

    /// The linear layers of feed-forward sublayers that have biases.
    package enum FeedForwardBiasKind: String, CaseIterable, Sendable {
        /// As `bias` says.
        case same
        /// None of them.
        case none
        /// Both.
        case all
    }

    /// The distribution of initial weights.
    package enum InitializerKind: String, CaseIterable, Sendable {
        /// Normal with the standard deviation `initializerStd`.
        case normal
        /// Xavier uniform: depends on the numbers of inputs and outputs (Glorot).
        case xavier
        /// Kaiming uniform: depends on the number of inputs (He).
        case kaiming
    }

    /// The pooling of a sequence's hidden states in a classifier.
    package enum Pooling: String, CaseIterable, Sendable {
        /// The hidden state of the first position.
        case first
        /// The mean of the hidden states.
        case mean
        /// The first hidden state, through a linear layer and tanh (BERT's pooler).
        case dense
        /// The first hidden state, through a linear layer and ReLU (DistilBERT).
        case denseReLU = "dense_relu"
    }

    /// The prediction head between hidden states and logits.
    package enum Head: String, CaseIterable, Sendable {
        /// A linear layer.
        case linear
        /// A linear layer, an activation and a normalization, then a linear layer with bias (BERT).
        case transform
    }

    package var family = Family.decoder
    /// The number of blocks; for an encoder-decoder, the number of encoder blocks.
    package var layers = 4
    /// The number of decoder blocks of an encoder-decoder; 0: same as `layers`.
    package var decoderLayers = 0
    /// H, the number of attention heads; must divide `width` unless `headWidth` is given.
    package var heads = 4
    /// The number of attention heads of an encoder-decoder's decoder; 0: same as `heads`.
    package var decoderHeads = 0
    /// The number of KV heads; must divide `heads`; 0: same as `heads`.
    package var kvHeads = 0
    /// D, the head dimension; 0: `width` / `heads`.
    package var headDimension = 0
    /// C, the hidden size.
    package var width = 128
    /// The inner size of feed-forward layers; 0: 4 · width.
    package var feedForwardWidth = 0
    /// The inner size of feed-forward layers of an encoder-decoder's decoder; 0: same as the encoder's.
    package var decoderFeedForwardWidth = 0
    package var normalization = Normalization.layer
    /// ε, added to the variance or mean square before the square root.
    package var normalizationEpsilon = 1e-5
    package var placement = Placement.pre
    /// Whether all sublayers of a block read the block's input (GPT-NeoX).
    package var parallelBlocks = false
    package var positions = Positions.learned
    /// The base of the rotary angles.
    package var rotaryBase = 10000.0
    /// The part of a head's columns that is rotated.
    package var rotaryShare = 1.0
    package var rotaryScaling = RotaryScalingKind.none
    /// The factor by which the context is longer than that of the pretraining.
    package var rotaryFactor = 2.0
    /// The context length of the pretraining, for `dynamic` and `llama3`.
    package var rotaryOriginalContext = 8192
    /// The frequencies, in waves per original context, below which `llama3` applies the whole factor, and above which
    /// it applies none.
    package var rotaryLowFrequency = 1.0
    package var rotaryHighFrequency = 4.0
    /// Whether each query and each key is normalized (Qwen3).
    package var queryKeyNormalization = false
    /// The number of buckets of distances of relative positions.
    package var relativeBuckets = 32
    /// The distance from which on all are in the last bucket of relative positions.
    package var relativeDistance = 128
    /// The distance from which on a position attends to no other; 0: any distance.
    package var attentionWindow = 0
    /// The number of first blocks without the window.
    package var unlimitedLayers = 0
    /// Whether attention scores are divided by √D.
    package var scaleScores = true
    package var activation = Activation.gelu
    /// The dropout probability on sublayer outputs, and the default of the other two dropout probabilities.
    package var dropout = 0.0
    /// The dropout probability on embeddings; nil: `dropout`.
    package var embeddingDropout: Double?
    /// The dropout probability on attention probabilities; nil: `dropout`.
    package var attentionDropout: Double?
    /// Whether the output projection shares the token embedding's weight.
    package var tieEmbeddings = true
    /// Whether the encoder and decoder of an encoder-decoder share one token embedding.
    package var shareEmbeddings = true
    /// Whether token embeddings are multiplied by √C.
    package var scaleEmbeddings = false
    /// Whether the sum of embeddings is normalized.
    package var normalizeEmbeddings = false
    /// Whether linear layers and normalizations have a bias.
    package var bias = true
    package var attentionBias = AttentionBiasKind.same
    package var feedForwardBias = FeedForwardBiasKind.same
    package var head = Head.linear
    /// Whether the output projection of a linear head has a bias.
    package var headBias = false
    /// Whether the hidden states are multiplied by 1/√C before the output projection of a linear head (T5).
    package var scaleHead = false
    package var pooling = Pooling.first
    /// The side of an image patch, in pixels.
    package var patchSize = 4
    /// Whether a learned token for distillation follows the class token (DeiT).
    package var distillationToken = false
    /// V, the rows of the token embedding; 0: the dataset's vocabulary size.
    package var vocabularySize = 0
    package var initializer = InitializerKind.normal
    /// The standard deviation of initial embeddings and, with `normal` initialization, of other weights.
    package var initializerStd = 0.02
    /// Whether the initial weights of residual output projections are scaled by 1/√(number of residual branches).
    package var scaleResidual = true

    /// The configuration of the quickstart's model.
    package init() {}

    /// D, the head dimension.
    package var headWidth: Int { blockSizes.headWidth }

    /// H_kv, the number of KV heads.
    package var keyHeads: Int { blockSizes.keyHeads }

    /// F, the inner size of feed-forward layers.
    package var hiddenWidth: Int { feedForwardWidth == 0 ? 4 * width : feedForwardWidth }

    /// The number of decoder blocks of an encoder-decoder.
    package var targetLayers: Int { decoderLayers == 0 ? layers : decoderLayers }

    /// The number of attention heads of an encoder-decoder's decoder.
    package var targetHeads: Int { decoderHeads == 0 ? heads : decoderHeads }

    /// The inner size of feed-forward layers of an encoder-decoder's decoder.
    package var targetHiddenWidth: Int { decoderFeedForwardWidth == 0 ? hiddenWidth : decoderFeedForwardWidth }

    /// The sizes of blocks, except of an encoder-decoder's decoder.
    package var blockSizes: BlockSizes { sizes(heads: heads, hiddenWidth: hiddenWidth) }

    /// The sizes of the blocks of an encoder-decoder's decoder.
    package var targetBlockSizes: BlockSizes { sizes(heads: targetHeads, hiddenWidth: targetHiddenWidth) }

    private func sizes(heads: Int, hiddenWidth: Int) -> BlockSizes {
        BlockSizes(
            heads: heads, keyHeads: kvHeads == 0 ? heads : kvHeads,
            headWidth: headDimension == 0 ? width / heads : headDimension, hiddenWidth: hiddenWidth)
    }

    /// The number of columns of a head that are rotated.
    package var rotatedWidth: Int { Int(Double(headWidth) * rotaryShare) }

    /// Whether the feed-forward layers have a gate.
    package var hasGate: Bool { activation == .swiglu || activation == .geglu }

    /// The number of positions of an image that are no patches.
    package var imageTokens: Int { distillationToken ? 2 : 1 }
}

/// The sizes of a stack's blocks.
package struct BlockSizes: Equatable, Sendable {
    /// H, the number of query heads.
    package let heads: Int
    /// K, the number of KV heads.
    package let keyHeads: Int
    /// D, the head dimension.
    package let headWidth: Int
    /// F, the inner size of the feed-forward layer.
    package let hiddenWidth: Int
}
