// The model families. A new one is a constant here, and a case of `ModelConfiguration.Family` with its line below.

extension Architecture {
    /// A decoder-only model: each position attends to itself and to earlier positions, and predicts the next token.
    ///
    /// With pre-norm and learned positions it is GPT-2; with RMS normalization, rotary positions, SwiGLU and no biases,
    /// Llama.
    ///
    /// - Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; Touvron et al. 2023,
    ///   arXiv:2302.13971.
    static let decoder = Architecture(
        visibility: .causal, output: .tokens, predictions: [.causal, .chat], response: .continuation)

    /// An encoder-only model with bidirectional attention that predicts masked tokens.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805.
    static let encoder = Architecture(
        visibility: .all, output: .tokens, predictions: [.masked], response: .maskedTokens)

    /// An encoder for the source and a decoder with cross-attention to its output, for translation and summarization.
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762.
    static let encoderDecoder = Architecture(
        visibility: .causal, output: .tokens, hasEncoder: true, predictions: [.sequenceToSequence], response: .target)

    /// A decoder with bidirectional attention within a prefix: the prefix is a text with blanks, followed by the tokens
    /// that fill them.
    ///
    /// - Source: Du et al. 2022 (GLM), arXiv:2103.10360.
    static let prefixDecoder = Architecture(
        visibility: .prefix, output: .tokens, predictions: [.infilling], response: .filledBlanks)

    /// An encoder that predicts a class, labels or a value for a whole text.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, section 4.1.
    static let classifier = Architecture(
        visibility: .all, output: .sequence, predictions: [.classification, .multiLabel, .regression],
        response: .labels)

    /// An encoder of an image's patches that predicts the image's class.
    ///
    /// - Source: Dosovitskiy et al. 2021 (ViT), arXiv:2010.11929.
    static let imageClassifier = Architecture(
        input: .patches, visibility: .all, output: .sequence, predictions: [.classification], response: nil)
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
