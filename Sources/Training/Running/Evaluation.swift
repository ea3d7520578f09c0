import Checkpoints
import Collectives
import Datasets
import Failures
import Models
import Tensors

/// The scores of a checkpoint on a dataset's validation split, exact over ranks.
package struct Evaluation {
    private let communicator: any Communicator
    /// The checkpoint's directory.
    private let directory: String
    private let forwardPass: ForwardPass<Float>
    private let batches: EvaluationBatches
    private let batch: Batch
    /// The bytes of text that each token stands for.
    private let bytes: [Int32]?
    /// The names of the classes that are told apart.
    package let classNames: [String]
    private let dataset: Dataset
    /// The model where it translates, so that its translations can be compared as well.
    private let translator: TrainedModel?

    /// Loads and verifies the checkpoint, and opens the data.
    ///
    /// - Parameters:
    ///   - data: nil for the directory that the checkpoint was trained on.
    ///   - weights: nil for the averaged ones where there are any.
    package init(
        checkpoint directory: String, data: String?, weights choice: WeightChoice?, _ communicator: any Communicator
    ) throws {
        self.communicator = communicator
        self.directory = directory
        var assumption: String?
        let (checkpoint, identity, opened) = try communicator.together { () throws(Failure) in
            let checkpoint = try Checkpoint.open(directory)
            let identity = try CheckpointIdentity(checkpoint)
            var configuration = identity.configuration
            if let data { configuration.data.directory = data }
            configuration.batch.slots = communicator.size
            configuration.batch.sequences = communicator.size * identity.configuration.batch.sequencesPerSlot
            let opened = try TrainingData(configuration, communicator)
            guard opened.dataset.tokenizer == identity.facts.tokenizer else {
                throw Failure(
                    .usage,
                    "\(opened.dataset.directory): prepared with the tokenizer \(opened.dataset.tokenizer.kind.rawValue), "
                        + "\(directory) was trained with \(identity.facts.tokenizer.kind.rawValue)"
                        + (opened.dataset.tokenizer.kind == identity.facts.tokenizer.kind
                            ? ", another model of it." : "."))
            }
            guard opened.dataset.labels == identity.facts.labels else {
                throw Failure(
                    .badData,
                    "\(opened.dataset.directory): its labels are not those that \(directory) was trained on. Prepare it "
                        + "with the same classes.")
            }
            guard opened.sizes.vocabularySize <= identity.sizes.vocabularySize, opened.validation != nil else {
                throw Failure(.badData, "\(opened.dataset.directory): has no validation split for this model.")
            }
            return (checkpoint, identity, opened)
        }
        let (model, weights) = try loadModel(checkpoint, identity, choice, communicator)
        forwardPass = ForwardPass(
            model, identity.configuration.loss, weights: weights, sequences: opened.plan.sequencesPerSlot)
        batches = EvaluationBatches(
            opened.validation!, sequencesPerBatch: opened.plan.sequencesPerSlot,
            seed: UInt64(identity.configuration.run.seed))
        batch = try batches.makeBatch()
        classNames = opened.dataset.labels?.names ?? []
        dataset = opened.dataset
        translator =
            model.architecture.hasEncoder
            ? TrainedModel(directory, identity, try identity.makeTokenizer(), model, weights) : nil
        bytes = try opened.dataset.kind == .text ? opened.dataset.makeTokenizer().byteCounts() : nil
    }

    /// The scores of a translating model's translations; nil for any other model, and on all ranks but the first.
    ///
    /// - Parameter beams: Texts that are followed at once.
    /// - Throws: As `Generation`.
    package func translationScores(beams: Int) throws -> TranslationScores? {
        guard let translator else { return nil }
        var settings = GenerationSettings(checkpoint: translator.directory)
        settings.decoding.beams = beams
        return try TranslationScores.measure(dataset, settings, translator, communicator)
    }

    /// Measures the scores.
    package func run() throws -> Scores {
        let scores = try forwardPass.scores(of: batches, batch, bytes: bytes, communicator)
        guard scores.loss.isFinite else {
            throw AgreedFailure(
                Failure(
                    .badData,
                    "\(directory): its loss on \(dataset.directory) is not finite: some predictions are infinite or not a "
                        + "number. Its weights are too large to compute with: the training diverged, or the model was "
                        + "damaged before it was imported. Take an earlier checkpoint or another copy."))
        }
        return scores
    }
}
