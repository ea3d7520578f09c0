/// The shape of a model: the section `model` of a configuration.
package struct ModelConfiguration: Equatable, Sendable {
    /// Which model it is.
    package enum Family: String, CaseIterable, Sendable {
        /// Each position sees itself and what stands before it (GPT-2).
        case decoder
    }

    /// How activations are normalized.
    package enum Normalization: String, CaseIterable, Sendable {
        /// Mean and variance over the width, with gain and shift.
        case layer
    }

    /// Where a block normalizes.
    package enum Placement: String, CaseIterable, Sendable {
        /// Before attention and feed-forward, and once after the last block.
        case pre
    }

    /// How a position is told from another.
    package enum Positions: String, CaseIterable, Sendable {
        /// A trained vector a position.
        case learned
    }

    /// The function between the two halves of a feed-forward.
    package enum Activation: String, CaseIterable, Sendable {
        /// GELU by its tanh approximation.
        case gelu
        /// GELU by the error function.
        case geluExact = "gelu_exact"
    }

    package var family = Family.decoder
    /// Blocks.
    package var layers = 4
    /// Attention heads; they divide the width.
    package var heads = 4
    /// Numbers that stand for a position, C.
    package var width = 128
    package var normalization = Normalization.layer
    package var placement = Placement.pre
    package var positions = Positions.learned
    package var activation = Activation.gelu
    /// The share of activations set to zero while training.
    package var dropout = 0.0
    /// Whether the output projection is the token embedding.
    package var tieEmbeddings = true
    /// Whether linear layers and normalizations add a trained vector.
    package var bias = true
    /// Rows of the token embedding, V; 0 stands for the dataset's.
    package var vocabularySize = 0
    /// Standard deviation of the initial weights.
    package var initializerStd = 0.02

    /// The model of the quickstart.
    package init() {}

    /// Numbers a head, D = C / H.
    package var headWidth: Int { width / heads }

    /// Numbers between the two halves of a feed-forward.
    package var feedForwardWidth: Int { 4 * width }
}
