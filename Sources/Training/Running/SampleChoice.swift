import Datasets
import Failures
import Models
import Objectives

extension Configuration {
    /// What data decide about the model.
    ///
    /// - Parameters:
    ///   - name: Where the data are, for messages.
    /// - Throws: `usage` where they are no data for this model.
    func sizes(of facts: DatasetFacts, vocabularySize: Int, name: String) throws(Failure) -> ModelSizes {
        let needed = prediction.datasetKind(model.family)
        guard facts.kind == needed else {
            throw Failure(
                .usage,
                "\(name) is a dataset of kind \(facts.kind.rawValue); model.family \(model.family.rawValue) with "
                    + "objective \(prediction.rawValue) needs one of kind \(needed.rawValue). Prepare one with "
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
            return ModelSizes(
                image: ImageSize(height: image.height, width: image.width, channels: image.channels),
                patchSize: patch, outputs: outputs)
        }
        // A manifest may say anything.
        let limit = Configuration.vocabularyLimit
        guard (1...limit).contains(vocabularySize) else {
            throw Failure(.badData, "\(name): has \(vocabularySize) tokens; a model can have 1 to \(limit) of them.")
        }
        let asked = model.vocabularySize
        guard asked == 0 || asked >= vocabularySize else {
            throw Failure(
                .usage,
                "model.vocabulary_size: found \(asked); \(name) has \(vocabularySize) tokens. "
                    + "Allowed: 0 (the dataset's) or at least \(vocabularySize).")
        }
        return ModelSizes(
            vocabularySize: asked > 0 ? asked : vocabularySize, contextLength: data.contextLength, outputs: outputs)
    }

    /// The numbers that the model predicts of each sequence.
    private func outputs(_ facts: DatasetFacts, _ name: String) throws(Failure) -> Int {
        guard model.family.architecture.output == .sequence, let labels = facts.labels else { return 0 }
        guard labels.kind == prediction.labelKind else {
            throw Failure(
                .usage,
                "objective.kind: found \(prediction.rawValue); the labels of \(name) are of kind "
                    + "\(labels.kind.rawValue). Allowed for these: \(labels.kind.prediction.rawValue).")
        }
        return labels.outputs
    }

    /// A split of `dataset` as samples of what the model is to predict.
    ///
    /// - Throws: `usage` where the dataset has no token that the prediction needs; `badData` where a split is too short, or a
    ///   record too long.
    func makeSamples(_ dataset: Dataset, _ split: Split) throws(Failure) -> any Samples {
        let (context, special) = (data.contextLength, dataset.specialTokens)
        /// A special token of the dataset.
        func token(_ token: Int32?, _ name: String) throws(Failure) -> Int32 {
            if let token { return token }
            throw Failure(
                .usage,
                "\(dataset.directory): its tokenizer has no token \(name), which objective \(prediction.rawValue) needs. "
                    + "Prepare the dataset again with --tokenizer bpe:SIZE or unigram:SIZE.")
        }
        func noise() throws(Failure) -> TokenNoise {
            TokenNoise(
                augmentation, mask: augmentation.tokenMasking > 0 ? try token(special.mask, "mask") : special.mask)
        }
        switch prediction {
        case .auto, .causal:
            return try CausalSamples(
                dataset.stream(split), contextLength: context,
                documentEnd: data.separateDocuments ? try token(special.eos, "eos") : nil)
        case .masked:
            return try MaskedSamples(
                dataset.stream(split), contextLength: context, maskToken: try token(special.mask, "mask"),
                share: objective.maskShare)
        case .infilling:
            return try InfillingSamples(
                dataset.stream(split), contextLength: context,
                marks: .init(
                    mask: try token(special.mask, "mask"), start: try token(special.bos, "bos"),
                    end: try token(special.eos, "eos")), share: objective.maskShare,
                meanLength: objective.spanLength)
        case .sequenceToSequence:
            return try PairSamples(
                try dataset.records(split), contextLength: context, begin: try token(special.bos, "bos"),
                end: try token(special.eos, "eos"), truncates: data.truncate, noise: try noise())
        case .classification, .multiLabel, .regression:
            guard let labels = dataset.labels else { preconditionFailure("a dataset with labels") }
            let records = try dataset.records(split)
            if let image = dataset.imageShape {
                return ImageSamples(
                    records, labels, image, patchSize: model.patchSize, augmentation: augmentation)
            }
            return try LabelledSamples(
                records, labels, contextLength: context, first: try token(special.cls, "cls"),
                truncates: data.truncate, noise: try noise())
        }
    }
}

extension ObjectiveConfiguration.Kind {
    /// The dataset that it learns from.
    fileprivate func datasetKind(_ family: ModelConfiguration.Family) -> DatasetKind {
        switch self {
        case .auto, .causal, .masked, .infilling: .text
        case .sequenceToSequence: .parallel
        case .classification, .multiLabel, .regression: family == .imageClassifier ? .images : .labelled
        }
    }

    /// The labels that it predicts.
    fileprivate var labelKind: LabelDescription.Kind {
        switch self {
        case .multiLabel: .multi
        case .regression: .number
        default: .class
        }
    }
}

extension LabelDescription.Kind {
    /// What predicts such labels.
    var prediction: ObjectiveConfiguration.Kind {
        switch self {
        case .class: .classification
        case .multi: .multiLabel
        case .number: .regression
        }
    }
}

extension DatasetKind {
    /// How such a dataset is prepared.
    fileprivate var preparation: String {
        switch self {
        case .text: "dtrain prepare --text FILE or --jsonl FILE."
        case .parallel: "dtrain prepare --parallel SOURCE TARGET."
        case .labelled: "dtrain prepare --labelled FILE."
        case .images: "dtrain prepare --images PATH."
        }
    }
}
