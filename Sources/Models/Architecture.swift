/// The properties that distinguish the model families; all other options are available to every family.
package struct Architecture: Sendable {
    /// The kind of input.
    package enum Input: Sendable {
        case tokens
        /// An image's patches, preceded by a class token.
        case patches
    }

    /// The attention pattern: the positions to which a position attends.
    package enum Visibility: Sendable {
        /// All positions that are not padding (bidirectional).
        case all
        /// Itself and all earlier positions.
        case causal
        /// Itself, all earlier positions, and all of the prefix.
        case prefix
    }

    /// The kind of output.
    package enum Output: Sendable {
        /// A token at each position that has a target.
        case tokens
        /// One vector of outputs per sequence.
        case sequence
    }

    package let input: Input
    package let visibility: Visibility
    package let output: Output
    /// Whether the model has an encoder, to whose output every decoder block has cross-attention.
    package let hasEncoder: Bool

    /// The properties of a family.
    init(input: Input = .tokens, visibility: Visibility, output: Output, hasEncoder: Bool = false) {
        self.input = input
        self.visibility = visibility
        self.output = output
        self.hasEncoder = hasEncoder
    }
}

extension ModelConfiguration.Family {
    /// The family's properties.
    package var architecture: Architecture {
        switch self {
        case .decoder: .decoder
        case .encoder: .encoder
        case .encoderDecoder: .encoderDecoder
        case .prefixDecoder: .prefixDecoder
        case .classifier: .classifier
        case .imageClassifier: .imageClassifier
        }
    }
}
