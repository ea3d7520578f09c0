import Tensors
import Datasets
import Failures
import Models

extension Configuration {
    /// The model sizes that are determined by the dataset.
    ///
    /// - Parameters:
    ///   - facts: The properties of the dataset.
    ///   - vocabularySize: The number of tokens of its tokenizer.
    ///   - name: The name of the dataset, for messages.
    /// - Throws: `usage` if the dataset does not match the model; `badData` if its vocabulary size is out of range.
    package func sizes(of facts: DatasetFacts, vocabularySize: Int, name: String) throws(Failure) -> ModelSizes {
        let needed = prediction.dataset(model.family.architecture)
        guard facts.kind == needed else {
            throw Failure(
                .usage,
                "\(name) is a dataset of kind \(facts.kind.rawValue); model.family \(model.family.rawValue) with "
                    + "objective \(prediction.kind.rawValue) needs one of kind \(needed.rawValue). Prepare one with "
                    + "\(needed.preparation)")
        }
        let outputs = try outputs(facts, name)
        if let image = facts.imageShape {
            let patch = model.patchSize
            guard image.height % patch == 0, image.width % patch == 0 else {
                throw Failure(
                    .usage,
                    "model.patch_size: found \(patch); \(name) has images of \(image.height) × \(image.width) pixels. "
                        + "Allowed: a divisor of both.")
            }
            return sizes(image: image, vocabularySize: 0, outputs: outputs)
        }
        // The value comes from a file and is not validated yet.
        let limit = Configuration.vocabularyLimit
        guard (1...limit).contains(vocabularySize) else {
            throw Failure(.badData, "\(name): has \(vocabularySize) tokens; allowed: 1 to \(limit).")
        }
        let asked = model.vocabularySize
        guard asked == 0 || asked >= vocabularySize else {
            throw Failure(
                .usage,
                "model.vocabulary_size: found \(asked); \(name) has \(vocabularySize) tokens. "
                    + "Allowed: 0 (the dataset's) or at least \(vocabularySize).")
        }
        return sizes(image: nil, vocabularySize: vocabularySize, outputs: outputs)
    }

    /// The model sizes for matching data; this function reads all keys that determine them.
    package func sizes(image: ImageShape?, vocabularySize: Int, outputs: Int) -> ModelSizes {
        if let image {
            return ModelSizes(
                image: image, patchSize: model.patchSize, tokens: model.imageTokens, outputs: outputs)
        }
        return ModelSizes(
            vocabularySize: model.vocabularySize > 0 ? model.vocabularySize : vocabularySize,
            contextLength: data.contextLength, outputs: outputs, tokenCount: vocabularySize)
    }

    /// The number of outputs of the model per sequence; 0 if it predicts tokens.
    private func outputs(_ facts: DatasetFacts, _ name: String) throws(Failure) -> Int {
        guard model.family.architecture.output == .sequence, let labels = facts.labels else { return 0 }
        guard labels.kind == prediction.labels else {
            throw Failure(
                .usage,
                "objective.kind: found \(prediction.kind.rawValue); the labels of \(name) are of kind "
                    + "\(labels.kind.rawValue). Allowed for them: \(PredictionKind(of: labels.kind).kind.rawValue).")
        }
        return labels.outputs
    }

    /// Creates the samples of a split of `dataset` for the prediction task.
    ///
    /// - Throws: `usage` if the tokenizer lacks a special token that the task needs; `badData` if a split is too short
    ///   or a record too long.
    package func makeSamples(_ dataset: Dataset, _ split: Split) throws(Failure) -> any Samples {
        let special = dataset.specialTokens
        /// A special token of the dataset.
        func token(_ token: Int32?, _ name: String) throws(Failure) -> Int32 {
            if let token { return token }
            throw Failure(
                .usage,
                "\(dataset.directory): its tokenizer has no token \(name), which objective \(prediction.kind.rawValue) needs. "
                    + "Prepare the dataset again with --tokenizer bpe:SIZE or unigram:SIZE.")
        }
        func noise(_ changes: Augmentation) throws(Failure) -> TokenNoise {
            TokenNoise(changes, mask: changes.tokenMasking > 0 ? try token(special.mask, "mask") : special.mask)
        }
        switch samples {
        case .causal(let context, let separatesDocuments):
            return try CausalSamples(
                dataset.stream(split), contextLength: context,
                documentEnd: separatesDocuments ? try token(special.eos, "eos") : nil)
        case .chat(let context, let truncates):
            return try ChatSamples(try dataset.records(split), contextLength: context, truncates: truncates)
        case .masked(let context, let share):
            return try MaskedSamples(
                dataset.stream(split), contextLength: context, maskToken: try token(special.mask, "mask"), share: share)
        case .infilling(let context, let share, let meanLength):
            return try InfillingSamples(
                dataset.stream(split), contextLength: context,
                marks: .init(
                    mask: try token(special.mask, "mask"), start: try token(special.bos, "bos"),
                    end: try token(special.eos, "eos")), share: share, meanLength: meanLength)
        case .pairs(let context, let truncates, let changes):
            return try PairSamples(
                try dataset.records(split), contextLength: context, begin: try token(special.bos, "bos"),
                end: try token(special.eos, "eos"), truncates: truncates, noise: try noise(changes))
        case .labelled(let context, let truncates, let changes):
            guard let labels = dataset.labels else { preconditionFailure("the dataset has no labels") }
            return try LabelledSamples(
                try dataset.records(split), labels, contextLength: context, first: try token(special.cls, "cls"),
                truncates: truncates, noise: try noise(changes))
        case .images(let patchSize, let tokens, let changes):
            guard let labels = dataset.labels, let image = dataset.imageShape else {
                preconditionFailure("the dataset lacks images or labels")
            }
            return ImageSamples(
                try dataset.records(split), labels, image, patchSize: patchSize, tokens: tokens,
                augmentation: changes)
        }
    }
}

/// The form of samples: all values that `makeSamples` reads of a configuration.
enum SampleForm: Equatable {
    case causal(contextLength: Int, separatesDocuments: Bool)
    case chat(contextLength: Int, truncates: Bool)
    case masked(contextLength: Int, share: Double)
    case infilling(contextLength: Int, share: Double, meanLength: Double)
    case pairs(contextLength: Int, truncates: Bool, Augmentation)
    case labelled(contextLength: Int, truncates: Bool, Augmentation)
    case images(patchSize: Int, tokens: Int, Augmentation)
}

extension Configuration {
    /// The form of the samples.
    var samples: SampleForm {
        switch model.family.architecture.input {
        case .tokens: prediction.samples(self)
        case .patches: .images(patchSize: model.patchSize, tokens: model.imageTokens, augmentation.ofImages)
        }
    }
}
