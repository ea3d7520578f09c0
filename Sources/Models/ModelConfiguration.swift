/// The shape of a model: the section `model` of a configuration.
package struct ModelConfiguration: Equatable, Sendable {
    /// Which model it is.
    package enum Family: String, CaseIterable, Sendable {
        /// Each position sees itself and what stands before it (GPT, Llama).
        case decoder
        /// Each position sees all (BERT).
        case encoder
        /// A decoder that also sees what an encoder makes of a source (Vaswani et al., Marian).
        case encoderDecoder = "encoder_decoder"
        /// The first positions see each other, the others what stands before them (GLM).
        case prefixDecoder = "prefix_decoder"
        /// An encoder that predicts something of a whole text.
        case classifier
        /// An encoder that predicts something of an image, from its patches (ViT).
        case imageClassifier = "image_classifier"
    }

    /// How activations are normalized.
    package enum Normalization: String, CaseIterable, Sendable {
        /// Mean and variance over the width, with gain and shift.
        case layer
        /// Root mean square over the width, with gain.
        case rms
    }

    /// Where a block normalizes.
    package enum Placement: String, CaseIterable, Sendable {
        /// What a sublayer reads, and once after the last block.
        case pre
        /// The sum of a sublayer's input and output.
        case post
        /// What a sublayer reads and what it adds, and once after the last block.
        case sandwich
    }

    /// How a position is told from another.
    package enum Positions: String, CaseIterable, Sendable {
        /// A trained vector a position; in a prefix decoder two, of its place and of its place in the span it fills in.
        case learned
        /// Sines and cosines in turn.
        case sinusoidal
        /// Sines in the first half of the width, cosines in the second.
        case sinusoidalHalves = "sinusoidal_halves"
        /// Queries and keys turned by angles that grow with the position.
        case rotary
        /// Scores that fall with the distance.
        case alibi
        /// Not at all.
        case none
    }

    /// The function between the two halves of a feed-forward.
    package enum Activation: String, CaseIterable, Sendable {
        /// GELU by its tanh approximation.
        case gelu
        /// GELU by the error function.
        case geluExact = "gelu_exact"
        /// max(0, x).
        case relu
        /// x · sigmoid(x), also called swish.
        case silu
        /// SiLU of one half, times the other half.
        case swiglu
    }

    /// The spread of the first weights.
    package enum InitializerKind: String, CaseIterable, Sendable {
        /// Normal, with the deviation `initializerStd`.
        case normal
        /// Uniform, by inputs and outputs (Glorot).
        case xavier
        /// Uniform, by inputs (He).
        case kaiming
    }

    /// How the hidden states of a sequence become what a classifier reads.
    package enum Pooling: String, CaseIterable, Sendable {
        /// The first position's.
        case first
        /// The mean.
        case mean
        /// The first position's through a linear map and tanh (BERT).
        case dense
    }

    /// What stands between the hidden states and the logits.
    package enum Head: String, CaseIterable, Sendable {
        /// A linear map.
        case linear
        /// A linear map, an activation and a normalization, then a linear map with a bias (BERT).
        case transform
    }

    package var family = Family.decoder
    /// Blocks; in an encoder-decoder, of the encoder.
    package var layers = 4
    /// Blocks of the decoder in an encoder-decoder; 0 stands for `layers`.
    package var decoderLayers = 0
    /// Attention heads; they divide the width.
    package var heads = 4
    /// Heads of keys and values; they divide the heads; 0 stands for `heads`.
    package var kvHeads = 0
    /// Numbers that stand for a position, C.
    package var width = 128
    /// Numbers between the two halves of a feed-forward; 0 stands for 4 · width.
    package var feedForwardWidth = 0
    package var normalization = Normalization.layer
    /// Added to what a normalization takes the root of.
    package var normalizationEpsilon = 1e-5
    package var placement = Placement.pre
    package var positions = Positions.learned
    /// The base of the angles of rotary positions.
    package var rotaryBase = 10000.0
    package var activation = Activation.gelu
    /// The share of what sublayers add that is set to zero while training, and of the other two places where they follow it.
    package var dropout = 0.0
    /// The share of the embeddings; nil follows `dropout`.
    package var embeddingDropout: Double?
    /// The share of attention's probabilities; nil follows `dropout`.
    package var attentionDropout: Double?
    /// Whether the output projection is the token embedding.
    package var tieEmbeddings = true
    /// Whether an encoder-decoder has one token embedding for source and target.
    package var shareEmbeddings = true
    /// Whether token embeddings are multiplied with √C.
    package var scaleEmbeddings = false
    /// Whether the sum of embeddings is normalized.
    package var normalizeEmbeddings = false
    /// Whether linear layers and normalizations add a trained vector.
    package var bias = true
    package var head = Head.linear
    package var pooling = Pooling.first
    /// The edge of an image's patches.
    package var patchSize = 4
    /// Rows of the token embedding, V; 0 stands for the dataset's.
    package var vocabularySize = 0
    package var initializer = InitializerKind.normal
    /// Standard deviation of the initial embeddings, and of the other weights where they are normal.
    package var initializerStd = 0.02
    /// Whether weights that write to the residual stream start 1/√(branches of the stream) as large.
    package var scaleResidual = true

    /// The model of the quickstart.
    package init() {}

    /// Numbers a head, D = C / H.
    package var headWidth: Int { width / heads }

    /// H_kv, the heads of keys and values.
    package var keyHeads: Int { kvHeads == 0 ? heads : kvHeads }

    /// F, the numbers between the two halves of a feed-forward.
    package var hiddenWidth: Int { feedForwardWidth == 0 ? 4 * width : feedForwardWidth }

    /// The blocks of an encoder-decoder's decoder.
    package var targetLayers: Int { decoderLayers == 0 ? layers : decoderLayers }
}
