extension Architecture {
    /// An encoder that reads a source and a decoder that sees what it makes of it: translation, summarization.
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762.
    static let encoderDecoder = Architecture(visibility: .causal, output: .tokens, hasEncoder: true)
}
