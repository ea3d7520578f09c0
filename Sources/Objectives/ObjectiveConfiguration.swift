/// The section `objective` of a configuration.
package struct ObjectiveConfiguration: Equatable, Sendable {
    /// The training objective.
    package enum Kind: String, CaseIterable, Sendable {
        /// The default objective of the model family.
        case auto
        /// Next-token prediction.
        case causal
        /// Next-token prediction of what the assistant writes in conversations.
        case chat
        /// Masked language modelling.
        case masked
        /// Blank infilling: masked spans are generated.
        case infilling
        /// Generation of a target text from a source text.
        case sequenceToSequence = "sequence_to_sequence"
        /// Single-label classification.
        case classification
        /// Multi-label classification.
        case multiLabel = "multi_label"
        /// Regression of one value.
        case regression
    }

    package var kind = Kind.auto
    /// Label smoothing: the probability mass spread evenly over all classes.
    package var labelSmoothing = 0.0
    /// The fraction of tokens that is masked.
    package var maskShare = 0.15
    /// The mean length of masked spans, in tokens.
    package var spanLength = 3.0

    /// The default objective.
    package init() {}
}
