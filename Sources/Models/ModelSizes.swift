import Tensors

/// The sizes of a model that depend on the data.
package struct ModelSizes: Equatable, Sendable {
    /// V; 0 for images.
    package var vocabularySize: Int
    /// The tokenizer's number of tokens; vocabulary rows from `tokenCount` on represent no token.
    package var tokenCount: Int
    /// T, the longest sequence; for images, the number of patches and of the tokens before them.
    package var contextLength: Int
    /// The number of outputs of a classifier per sequence; for word vectors, that of the outputs that are computed for
    /// a target; 0 for other models that predict tokens.
    package var outputs: Int
    /// The size of the images; nil for text.
    package var image: ImageShape?

    /// The sizes of a text model.
    ///
    /// - Parameter tokenCount: nil: `vocabularySize`.
    package init(vocabularySize: Int, contextLength: Int, outputs: Int = 0, tokenCount: Int? = nil) {
        self.vocabularySize = vocabularySize
        self.tokenCount = tokenCount ?? vocabularySize
        self.contextLength = contextLength
        self.outputs = outputs
        image = nil
    }

    /// The sizes of an image model; `patchSize` must divide height and width.
    ///
    /// - Parameter tokens: The number of positions that are no patches.
    package init(image: ImageShape, patchSize: Int, tokens: Int = 1, outputs: Int) {
        (vocabularySize, tokenCount) = (0, 0)
        contextLength = tokens + image.patchCount(patchSize)
        self.outputs = outputs
        self.image = image
    }
}

extension ImageShape {
    /// The number of square patches with a side of `patchSize` pixels.
    package func patchCount(_ patchSize: Int) -> Int { (height / patchSize) * (width / patchSize) }
    /// The number of values per patch.
    package func patchWidth(_ patchSize: Int) -> Int { patchSize * patchSize * channels }
}
