extension Architecture {
    /// An encoder that predicts a class, labels or a value for a whole text.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, section 4.1.
    static let classifier = Architecture(visibility: .all, output: .sequence)
}
