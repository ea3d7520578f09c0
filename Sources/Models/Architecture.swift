import Objectives

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

    /// The response of a model to a prompt.
    package enum Response: Sendable {
        /// Generates the tokens that follow the prompt.
        case continuation
        /// Generates a target text; the prompt is the source.
        case target
        /// Generates the tokens of the blanks in the prompt.
        case filledBlanks
        /// Predicts the masked tokens of the prompt in one pass.
        case maskedTokens
        /// Predicts a class, labels or a value for the prompt.
        case labels

        /// Whether the response is text that is generated token by token.
        package var isGenerated: Bool { [.continuation, .target, .filledBlanks].contains(self) }
    }

    package let input: Input
    package let visibility: Visibility
    package let output: Output
    /// Whether the model has an encoder, to whose output every decoder block has cross-attention.
    package let hasEncoder: Bool
    /// Whether the model has blocks; without them, the embeddings alone are the head's input.
    package let hasBlocks: Bool
    /// The predictions that models of the family can learn; the first is the default.
    package let predictions: [ObjectiveConfiguration.Kind]
    /// The response to a prompt; nil for models that do not read text.
    package let response: Response?

    /// Whether sequences begin with a prefix of bidirectional attention.
    package var hasPrefixes: Bool { visibility == .prefix }

    /// The properties of a family.
    init(
        input: Input = .tokens, visibility: Visibility, output: Output, hasEncoder: Bool = false,
        hasBlocks: Bool = true,
        predictions: [ObjectiveConfiguration.Kind], response: Response?
    ) {
        self.input = input
        self.visibility = visibility
        self.output = output
        self.hasEncoder = hasEncoder
        self.hasBlocks = hasBlocks
        self.predictions = predictions
        self.response = response
    }
}
