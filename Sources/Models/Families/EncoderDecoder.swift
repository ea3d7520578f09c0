extension Architecture {
    /// An encoder for the source and a decoder with cross-attention to its output, for translation and summarization.
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762.
    static let encoderDecoder = Architecture(visibility: .causal, output: .tokens, hasEncoder: true)
}
