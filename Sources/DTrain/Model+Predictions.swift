import Failures
import Inference
import Preparation

/// A classifier's prediction for a text or an image.
public enum Prediction: Equatable, Sendable {
    /// Every class, most probable first; the probabilities sum to 1.
    case classes([Label])
    /// Every label with its own probability, most probable first; any number of labels can apply, usually those with a
    /// probability above 0.5.
    case labels([Label])
    /// A number, from a model that was trained for regression.
    case number(Double)

    /// A class or label with its probability.
    public struct Label: Equatable, Sendable {
        /// The name in the training data.
        public let name: String
        /// From 0 to 1.
        public let probability: Double
    }

    /// The most probable class or label; nil for a number.
    public var best: Label? {
        switch self {
        case .classes(let all), .labels(let all): all.first
        case .number: nil
        }
    }

    init(_ prediction: LabelPrediction) {
        func labels(_ ranked: [(label: String, probability: Double)]) -> [Label] {
            ranked.map { Label(name: $0.label, probability: $0.probability) }
        }
        self =
            switch prediction {
            case .classes(let ranked): .classes(labels(ranked))
            case .labels(let ranked): .labels(labels(ranked))
            case .number(let number): .number(number)
            }
    }
}

/// The reduction of a text's hidden states to one vector.
public enum Pooling: Sendable {
    /// The mean over all positions.
    case mean
    /// The hidden state of the first position.
    case first
    /// The hidden state of the last position; in a decoder it is the only one that attends to the whole text.
    case last
}

extension Model {
    /// Predicts the labels of texts, with a classifier.
    ///
    /// - Parameters:
    ///   - texts: Each of at least one character and at most ``contextLength`` − 1 tokens.
    ///   - crop: Whether a text that is too long is cropped to its beginning, even if the model was not trained on
    ///     cropped texts.
    ///   - batch: The maximum number of texts that are computed at once; it changes no result.
    /// - Returns: A prediction for each text.
    /// - Throws: `usage` for a text that is not allowed, for a model of another family, or if there is not enough
    ///   memory; `badData` if the model computes numbers that are not finite.
    public func classify(
        _ texts: [String], crop: Bool = false, batch: Int = 16
    ) throws(DTrainError) -> [Prediction] {
        try computing { () throws(Failure) in
            var options = GenerationOptions()
            (options.crop, options.batch) = (crop, batch)
            let generation = try generation(self.texts("classify texts", [.classifier]), options)
            try requireCharacters(texts, "text")
            return try generation.predictions(for: texts, shouldStop: { Task.isCancelled }) {
                refusal($0, "text", of: texts, $1)
            }.map(Prediction.init)
        }
    }

    /// Predicts the classes of PNG files, with an image classifier.
    ///
    /// - Parameters:
    ///   - paths: Images of the size that the model was trained on. Transparent pixels are blended with black; a colour
    ///     image is an error for a model of gray images.
    ///   - batch: The maximum number of images that are computed at once; it changes no result.
    /// - Returns: A prediction for each image.
    /// - Throws: `badData` for a file that is missing, damaged or of another size; otherwise as for texts.
    public func classify(images paths: [String], batch: Int = 16) throws(DTrainError) -> [Prediction] {
        try computing { () throws(Failure) in
            guard case .images(let trained) = content else {
                throw cannot("classify images", [.imageClassifier])
            }
            try GenerationOptions.check(batch, "batch", in: GenerationLimits.batch)
            let shape = trained.shape
            return try trained.run(paths.count, batch: batch, shouldStop: { Task.isCancelled }) {
                index throws(Failure) in
                let image = try PNGImage(paths[index])
                guard image.fits(shape) else {
                    throw Failure(
                        .badData,
                        "\(image.path): found \(image.shape.height) × \(image.shape.width) pixels, "
                            + "\(counted(image.shape.channels, "channel")); the model requires \(shape.height) × "
                            + "\(shape.width) pixels, \(counted(shape.channels, "channel")). Scale or convert it "
                            + "first.")
                }
                return try image.pixels(as: shape)
            }.map(Prediction.init)
        }
    }

    /// Computes a vector for each text: the mean of the model's final hidden states over the positions of the text, the
    /// usual sentence embedding, or another reduction of these states.
    ///
    /// The hidden states are the input of the prediction head, after the last normalization. For an encoder-decoder,
    /// they are the output of its encoder, including the end-of-sequence position; a prefix decoder reads the whole
    /// text as prefix. A classifier always returns the row that its own pooling computes, whatever `pooling` is.
    /// Vectors are not normalized: the similarity of two texts is usually measured by the cosine, their dot product
    /// divided by both lengths.
    ///
    /// - Parameters:
    ///   - texts: Each of at least one character and at most ``contextLength`` tokens (one less for a classifier or an
    ///     encoder-decoder).
    ///   - pooling: The reduction of the hidden states.
    ///   - crop: Whether a text that is too long is cropped: to its end for a decoder, otherwise to its beginning.
    ///   - batch: The maximum number of texts that are computed at once; it changes no result.
    /// - Returns: For each text, ``width`` numbers.
    /// - Throws: `usage` for a text that is not allowed, for a model of images, or if there is not enough memory;
    ///   `badData` if the model computes numbers that are not finite.
    public func embed(
        _ texts: [String], pooling: Pooling = .mean, crop: Bool = false, batch: Int = 16
    ) throws(DTrainError) -> [[Float]] {
        try computing { () throws(Failure) in
            let trained = try self.texts("read text", Model.readers)
            try GenerationOptions.check(batch, "batch", in: GenerationLimits.batch)
            try requireCharacters(texts, "text")
            let reduction: TextEmbedding.Pooling =
                switch pooling {
                case .mean: .mean
                case .first: .first
                case .last: .last
                }
            return try TextEmbedding(trained, batch: batch).run(
                texts, reduction, crops: crop, shouldStop: { Task.isCancelled }
            ) { refusal($0, "text", of: texts, $1) }
        }
    }
}
