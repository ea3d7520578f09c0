/// What the data decides about a model.
package struct ModelSizes: Equatable, Sendable {
    /// V; nothing for images.
    package var vocabularySize: Int
    /// The tokens of the tokenizer, 0..<tokenCount; rows of the vocabulary beyond them stand for nothing.
    package var tokenCount: Int
    /// The longest sequence, T; of images, what their patches make.
    package var contextLength: Int
    /// The numbers that a classifier predicts of each sequence; 0 for models that predict tokens.
    package var outputs: Int
    /// The images' size.
    package var image: ImageSize?

    /// The sizes of a model of text.
    ///
    /// - Parameter tokenCount: nil where every row of the vocabulary has a token.
    package init(vocabularySize: Int, contextLength: Int, outputs: Int = 0, tokenCount: Int? = nil) {
        self.vocabularySize = vocabularySize
        self.tokenCount = tokenCount ?? vocabularySize
        self.contextLength = contextLength
        self.outputs = outputs
        image = nil
    }

    /// The sizes of a model of images with patches of `patchSize`, which divides height and width.
    package init(image: ImageSize, patchSize: Int, outputs: Int) {
        (vocabularySize, tokenCount) = (0, 0)
        contextLength = 1 + image.patchCount(patchSize)
        self.outputs = outputs
        self.image = image
    }
}

/// The size of every image of a dataset.
package struct ImageSize: Equatable, Sendable {
    package var height: Int
    package var width: Int
    package var channels: Int

    /// A size.
    package init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// The number of square patches with an edge of `patchSize`.
    package func patchCount(_ patchSize: Int) -> Int { (height / patchSize) * (width / patchSize) }
    /// The numbers in such a patch.
    package func patchWidth(_ patchSize: Int) -> Int { patchSize * patchSize * channels }
}
