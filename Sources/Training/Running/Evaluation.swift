import Checkpoints
import Collectives
import Datasets
import Failures
import Glibc
import Models
import Tensors

/// The loss of a checkpoint on a dataset's validation split, exact over ranks.
package struct Evaluation {
    private let communicator: any Communicator
    private let forwardPass: ForwardPass<Float>
    private let batches: EvaluationBatches
    private let batch: TokenBatch

    /// A mean loss over tokens.
    package struct Loss {
        /// In nats.
        package let nats: Double
        /// e to the loss.
        package var perplexity: Double { exp(nats) }
    }

    /// Loads and verifies the checkpoint, and opens the data.
    ///
    /// - Parameters:
    ///   - data: nil for the directory that the checkpoint was trained on.
    ///   - weights: nil for the averaged ones where there are any.
    package init(
        checkpoint directory: String, data: String?, weights choice: WeightChoice?, _ communicator: any Communicator
    ) throws {
        self.communicator = communicator
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
            guard opened.vocabularySize <= identity.vocabularySize, opened.validation != nil else {
                throw Failure(.badData, "\(opened.dataset.directory): has no validation split for this model.")
            }
            return (checkpoint, identity, opened)
        }
        let decoder = Decoder<Float>(
            identity.configuration.model, vocabularySize: identity.vocabularySize,
            contextLength: identity.configuration.data.contextLength)
        let weights = Arena<Float>(count: decoder.layout.count)
        _ = try communicator.onFirstRank { () throws(Failure) in
            try checkpoint.verify()
            try loadWeights(
                checkpoint, decoder.layout, into: weights, precision: identity.configuration.precision, choice)
            return ""
        }
        try communicator.broadcast(weights.bytes(of: 0..<weights.count), from: 0)
        forwardPass = ForwardPass(decoder, weights: weights, sequences: opened.plan.sequencesPerSlot)
        batches = EvaluationBatches(opened.validation!, sequencesPerBatch: opened.plan.sequencesPerSlot)
        batch = try batches.makeBatch()
    }

    /// Measures the loss.
    package func run() throws -> Loss { Loss(nats: try forwardPass.meanLoss(of: batches, batch, communicator)) }
}
