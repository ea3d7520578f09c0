extension Architecture {
    /// A decoder whose first positions all see each other: a text with gaps, and behind it what fills them in.
    ///
    /// - Source: Du et al. 2022 (GLM), arXiv:2103.10360.
    static let prefixDecoder = Architecture(visibility: .prefix, output: .tokens)
}
