import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Metrics
import Models
import Settings

/// The evaluation of a checkpoint on a dataset's validation split; the same result for any number of ranks.
package struct Evaluation {
    let communicator: any Communicator
    /// The checkpoint's directory.
    private let directory: String
    let forwardPass: ForwardPass<Float>
    let batches: EvaluationBatches
    let batch: Batch
    /// The number of bytes of text of each token; nil if the data is not text with a tokenizer.
    private let bytes: [Int32]?
    /// A notice of an assumption about the tokens; nil if none is made.
    package let assumption: String?
    /// The checkpoint's directory.
    package let checkpoint: String
    /// The step of the checkpoint.
    package let step: Int
    /// The weights that are evaluated.
    package let weightChoice: WeightChoice
    /// The dataset's directory, or those of the datasets of a mixture.
    package var dataDirectory: String { data.name }
    /// The names of the classes.
    package let classNames: [String]
    let data: TrainingData
    /// The dataset; of a mixture, the first one.
    var dataset: Dataset { data.dataset }
    /// The model if it is an encoder-decoder, whose translations are evaluated as well.
    let translator: TrainedModel?
    private let identity: CheckpointIdentity

    /// Loads and verifies the checkpoint, and opens the data.
    ///
    /// - Parameters:
    ///   - named: The dataset's directory; nil: the one that the checkpoint was trained on.
    ///   - weights: The weights to evaluate; nil: the moving average if there is one.
    /// - Throws: `AgreedFailure` if the checkpoint or the dataset is damaged, or if they do not match.
    package init(
        checkpoint directory: String, data named: String?, weights choice: WeightChoice?,
        _ communicator: any Communicator
    ) throws {
        self.communicator = communicator
        self.directory = directory
        var assumption: String?
        let (checkpoint, identity, opened) = try communicator.together { () throws(Failure) in
            let checkpoint = try Checkpoint.open(directory)
            let identity = try CheckpointIdentity(checkpoint)
            var configuration = identity.configuration
            if named != nil { configuration.data.mixture = [] }
            if configuration.data.mixture.isEmpty {
                configuration.data.directory = try Evaluation.dataDirectory(named, identity, directory)
            }
            configuration.batch.slots = communicator.size
            configuration.batch.sequences = communicator.size * identity.configuration.batch.sequencesPerSlot
            let vocabularySize = identity.sizes.vocabularySize
            let opened = try TrainingData(
                configuration, communicator, bareVocabularySize: vocabularySize > 0 ? vocabularySize : nil)
            if identity.sizes.image == nil {
                let tokenizer = identity.facts.tokenizer
                switch TokenizerMatch(opened.dataset, model: tokenizer, modelVocabularySize: vocabularySize) {
                case .same: break
                case .assumed where opened.digest == identity.datasetDigest: break
                case .assumed: assumption = TokenizerMatch.assumption(opened.dataset.directory, directory, tokenizer)
                case .different(let words):
                    throw Failure(
                        .usage,
                        "\(opened.dataset.directory) does not fit \(directory): \(words). "
                            + TokenizerMatch.advice(
                                tokenizer, modelVocabularySize: vocabularySize, checkpoint: directory, opened.dataset))
                }
            }
            guard opened.dataset.labels == identity.facts.labels else {
                throw Failure(
                    .badData,
                    "\(opened.dataset.directory): its labels are not those that \(directory) was trained on. Prepare it "
                        + "with the same classes.")
            }
            guard opened.sizes.vocabularySize <= vocabularySize else {
                throw Failure(
                    .badData,
                    "\(opened.dataset.directory): has \(opened.sizes.vocabularySize) tokens, but the model of \(directory) has "
                        + "\(vocabularySize). Name a dataset that was prepared for this model: --data DIR.")
            }
            guard opened.validation != nil else {
                throw Failure(
                    .badData,
                    "\(opened.dataset.directory): has no validation split to evaluate on. Prepare it with one "
                        + "(dtrain help prepare), or name another dataset: --data DIR.")
            }
            return (checkpoint, identity, opened)
        }
        self.assumption = assumption
        try opened.verify(communicator, splits: [.validation])
        try communicator.requireSame(opened.digest) { rank in
            Failure(
                .usage,
                "\(opened.dataset.directory): the dataset of rank \(rank) differs from that of rank 0. Give every host the "
                    + "same data.")
        }
        let (model, weights) = try loadModel(
            checkpoint, identity, choice, communicator,
            // For records, memory depends on their actual lengths and is not estimated.
            sequences: opened.dataset.kind == .text ? opened.plan.sequencesPerSlot : 0)
        forwardPass = ForwardPass(
            model, identity.configuration.loss, weights: weights, sequences: opened.plan.sequencesPerSlot)
        batches = EvaluationBatches(
            opened.validation!, sequencesPerBatch: opened.plan.sequencesPerSlot,
            seed: UInt64(identity.configuration.run.seed))
        batch = try batches.makeBatch()
        self.checkpoint = directory
        step = checkpoint.step
        weightChoice = choice ?? (checkpoint.tensorFileNames.contains(averagedFileName) ? .average : .last)
        classNames = opened.dataset.labels?.names ?? []
        data = opened
        self.identity = identity
        translator =
            model.architecture.hasEncoder
            ? TrainedModel(
                directory, identity.configuration, identity.facts, try identity.makeTokenizer(), model, weights) : nil
        // Without a tokenizer the number of bytes per token is unknown.
        let isText = opened.dataset.kind == .text && opened.dataset.tokenizer.kind != .none
        bytes = try isText ? opened.dataset.makeTokenizer().byteCounts() : nil
    }

    /// The directory of the dataset to evaluate on: the given one, or the one that the checkpoint records.
    private static func dataDirectory(
        _ named: String?, _ identity: CheckpointIdentity, _ checkpoint: String
    ) throws(Failure) -> String {
        if let named { return named }
        guard !identity.isImported else {
            throw Failure(
                .usage, "\(checkpoint) was imported: it records no dataset. Name one to evaluate on: --data DIR.")
        }
        let recorded = identity.configuration.data.directory
        guard try FileSystem.isPresentDirectory(recorded) else {
            let start =
                recorded.utf8.first == UInt8(ascii: "/")
                ? "" : ", relative to the directory where the training run was started"
            throw Failure(
                .badData,
                "\(checkpoint) was trained on the dataset '\(recorded)' (the recorded path\(start)), but there is no such "
                    + "directory here. Name the dataset's current path: --data DIR.")
        }
        return recorded
    }

    /// The name of the model's family.
    package var family: String { identity.configuration.model.family.rawValue }

    /// Whether the model reads tokens, not images.
    package var readsTokens: Bool { forwardPass.model.architecture.input == .tokens }

    /// What the model makes of a prompt; nil if it reads none.
    package var response: Architecture.Response? { forwardPass.model.architecture.response }

    /// Prompts from different places of the validation split, at most half a context long; empty for a model that reads
    /// no prompt.
    ///
    /// - Throws: As `Dataset.prompts`.
    package func prompts(count: Int, tokens: Int) throws(Failure) -> [ValidationPrompt] {
        guard let response else { return [] }
        return try dataset.prompts(
            for: response, count: count, tokens: min(tokens, forwardPass.model.sizes.contextLength / 2))
    }

    /// The model with its tokenizer.
    ///
    /// - Throws: `badData` if the tokenizer was altered.
    package func trainedModel() throws(Failure) -> TrainedModel {
        TrainedModel(
            directory, identity.configuration, identity.facts, try identity.makeTokenizer(), forwardPass.model,
            forwardPass.weights)
    }

    /// Evaluates the model.
    ///
    /// - Throws: `AgreedFailure` with `badData` if predictions are not finite.
    package func run() throws -> Scores {
        let scores = try forwardPass.scores(of: batches, batch, bytes: bytes, communicator)
        guard scores.loss.isFinite else {
            throw AgreedFailure(
                Failure(
                    .badData,
                    "\(directory): its loss on \(dataDirectory) is not finite: some predictions are infinite or not a "
                        + "number. Its weights are too large to compute with: the training run diverged, or the model was "
                        + "damaged before it was imported. Use an earlier checkpoint or another copy."))
        }
        return scores
    }
}
