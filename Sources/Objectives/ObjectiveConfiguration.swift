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
        /// Word vectors: the words around a word.
        case skipGram = "skip_gram"
        /// Word vectors: a word from the words around it (continuous bag of words).
        case cbow
    }

    package var kind = Kind.auto
    /// Label smoothing: the probability mass spread evenly over all classes.
    package var labelSmoothing = 0.0
    /// The fraction of tokens that is masked.
    package var maskShare = 0.15
    /// The mean length of masked spans, in tokens.
    package var spanLength = 3.0
    /// The largest distance of a word around a word, for word vectors.
    package var window = 5
    /// The number of noise words from which each predicted word is to be distinguished.
    package var negatives = 5
    /// The share of the text above which a word is left out at random; 0: never.
    package var subsample = 1e-3

    /// The default objective.
    package init() {}
}
