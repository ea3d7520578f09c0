extension Architecture {
    /// An encoder: every position sees all others, and those that were masked are predicted.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805.
    static let encoder = Architecture(visibility: .all, output: .tokens)
}
