extension Architecture {
    /// A decoder with bidirectional attention within a prefix: the prefix is a text with blanks, followed by the tokens
    /// that fill them.
    ///
    /// - Source: Du et al. 2022 (GLM), arXiv:2103.10360.
    static let prefixDecoder = Architecture(visibility: .prefix, output: .tokens)
}
