/// What a model is to predict: the section `objective` of a configuration.
package struct ObjectiveConfiguration: Equatable, Sendable {
    /// Which prediction it is.
    package enum Kind: String, CaseIterable, Sendable {
        /// The usual one of the model's family.
        case auto
        /// Each next token.
        case causal
        /// Tokens that were hidden.
        case masked
        /// Spans that were cut out.
        case infilling
        /// A target text from a source text.
        case sequenceToSequence = "sequence_to_sequence"
        /// One class.
        case classification
        /// Any number of labels.
        case multiLabel = "multi_label"
        /// A number.
        case regression
    }

    package var kind = Kind.auto
    /// The share of a target's probability that all classes have together.
    package var labelSmoothing = 0.0
    /// The part of a text that is hidden, or cut out.
    package var maskShare = 0.15
    /// The mean length of the spans that are cut out, in tokens.
    package var spanLength = 3.0

    /// The usual prediction.
    package init() {}
}

extension ObjectiveConfiguration.Kind {
    /// What it costs to be wrong.
    package func loss(smoothing: Double) -> Loss {
        switch self {
        case .multiLabel: .binaryCrossEntropy
        case .regression: .squaredError
        default: .crossEntropy(smoothing: smoothing)
        }
    }
}
