extension Architecture {
    /// An encoder-only model with bidirectional attention that predicts masked tokens.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805.
    static let encoder = Architecture(visibility: .all, output: .tokens)
}
