/// What tells one family of Transformers from another; all else is a choice that every family has.
package struct Architecture: Sendable {
    /// What it reads.
    package enum Input: Sendable {
        case tokens
        /// An image's patches, behind a class token.
        case patches
    }

    /// Which positions a position sees.
    package enum Visibility: Sendable {
        /// All that count.
        case all
        /// Itself and those before it.
        case causal
        /// Those before it, itself, and all of the prefix.
        case prefix
    }

    /// What it predicts.
    package enum Output: Sendable {
        /// A token for each position that has a target.
        case tokens
        /// A row of numbers for each sequence.
        case sequence
    }

    package let input: Input
    package let visibility: Visibility
    package let output: Output
    /// Whether an encoder reads a source, which every block then sees.
    package let hasEncoder: Bool

    /// A family.
    init(input: Input = .tokens, visibility: Visibility, output: Output, hasEncoder: Bool = false) {
        self.input = input
        self.visibility = visibility
        self.output = output
        self.hasEncoder = hasEncoder
    }
}

extension ModelConfiguration.Family {
    /// The catalogue: what each family is made of.
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
