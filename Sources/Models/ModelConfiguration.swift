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
    }

    /// The kind of normalization.
    package enum Normalization: String, CaseIterable, Sendable {
        /// Layer normalization: mean and variance over the hidden size, with scale and shift.
        case layer
        /// RMS normalization: root mean square over the hidden size, with scale.
        case rms
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
    /// H, the number of attention heads; must divide `width`.
    package var heads = 4
    /// The number of KV heads; must divide `heads`; 0: same as `heads`.
    package var kvHeads = 0
    /// C, the hidden size.
    package var width = 128
    /// The inner size of feed-forward layers; 0: 4 · width.
    package var feedForwardWidth = 0
    package var normalization = Normalization.layer
    /// ε, added to the variance or mean square before the square root.
    package var normalizationEpsilon = 1e-5
    package var placement = Placement.pre
    package var positions = Positions.learned
    /// The base of the rotary angles.
    package var rotaryBase = 10000.0
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
    package var head = Head.linear
    package var pooling = Pooling.first
    /// The side of an image patch, in pixels.
    package var patchSize = 4
    /// V, the rows of the token embedding; 0: the dataset's vocabulary size.
    package var vocabularySize = 0
    package var initializer = InitializerKind.normal
    /// The standard deviation of initial embeddings and, with `normal` initialization, of other weights.
    package var initializerStd = 0.02
    /// Whether the initial weights of residual output projections are scaled by 1/√(number of residual branches).
    package var scaleResidual = true

    /// The configuration of the quickstart's model.
    package init() {}

    /// D = C / H, the head dimension.
    package var headWidth: Int { width / heads }

    /// H_kv, the number of KV heads.
    package var keyHeads: Int { kvHeads == 0 ? heads : kvHeads }

    /// F, the inner size of feed-forward layers.
    package var hiddenWidth: Int { feedForwardWidth == 0 ? 4 * width : feedForwardWidth }

    /// The number of decoder blocks of an encoder-decoder.
    package var targetLayers: Int { decoderLayers == 0 ? layers : decoderLayers }
}
