extension Architecture {
    /// An encoder of an image's patches that predicts the image's class.
    ///
    /// - Source: Dosovitskiy et al. 2021 (ViT), arXiv:2010.11929.
    static let imageClassifier = Architecture(input: .patches, visibility: .all, output: .sequence)
}
