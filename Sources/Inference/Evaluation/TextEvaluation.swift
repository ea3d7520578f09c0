import Collectives
import Datasets
import Failures
import Files
import Metrics
import Reporting
import Resources

/// The evaluation of a decoder on a text: how well it predicts each token from those before.
///
/// The text is divided into windows of the context length, as a dataset is: every token but the first is a target once,
/// and a window knows nothing of the one before.
package struct TextEvaluation {
    private let trained: TrainedModel
    private let communicator: any Communicator
    private let path: String
    private let tokens: [Int32]

    /// Loads the checkpoint and encodes the text.
    ///
    /// - Parameter path: A text file of at most 64 MiB, with at least two tokens.
    /// - Throws: `AgreedFailure` with `usage` if the model is not a decoder; `badData` for a text that cannot be read
    ///   or is too short; as `TrainedModel`.
    package init(
        checkpoint: String, text path: String, weights: WeightChoice?, _ communicator: any Communicator
    ) throws {
        let trained = try TrainedModel(checkpoint: checkpoint, weights, communicator)
        tokens = try communicator.together { () throws(Failure) in
            guard trained.model.architecture.response == .continuation else {
                throw Failure(
                    .usage,
                    "evaluate: --text: \(checkpoint) is of the family "
                        + "\(trained.configuration.model.family.rawValue); only a decoder predicts a text from "
                        + "its beginning. Leave --text out to evaluate it on its dataset.")
            }
            let lines = try LineReader.lines(of: path)
            let tokens = try trained.tokenizer.encode(lines.joined(separator: "\n"))
            guard tokens.count > 1 else {
                throw Failure(.badData, "\(path): has \(counted(tokens.count, "token")); allowed: at least two.")
            }
            return tokens
        }
        (self.trained, self.communicator, self.path) = (trained, communicator, path)
    }

    /// Evaluates the model; the same result for any number of ranks. Collective: every rank calls it.
    ///
    /// - Throws: `AgreedFailure` with `usage` if there is not enough memory.
    package func run() throws -> (text: String, json: JSON) {
        let sequences = trained.configuration.batch.sequencesPerSlot
        try communicator.requireMemory(for: "evaluation", remedy: "Use fewer ranks per host.") {
            var estimate = MemoryEstimate()
            estimate.addActivations(trained.model, sequences: sequences, ranks: communicator.localSize)
            return estimate
        }
        let pass = ForwardPass(
            trained.model, trained.configuration.loss, weights: trained.weights, sequences: sequences)
        let batches = EvaluationBatches(
            TextSamples(tokens, contextLength: trained.model.sizes.contextLength), sequencesPerBatch: sequences, seed: 0
        )
        let scores = try pass.scores(
            of: batches, batches.makeBatch(), bytes: trained.tokenizer.byteCounts(), communicator)
        guard case .tokens(let details) = scores.details else { preconditionFailure("a decoder predicts tokens") }
        let text =
            "\(path): \(counted(scores.targetCount, "token")), loss \(fixed(scores.loss, 4)), "
            + "perplexity \(fixed(details.perplexity, 3)), "
            + (details.bitsPerByte.map { "\(fixed($0, 4)) bits per byte, " } ?? "")
            + "token accuracy \(fixed(100 * details.accuracy, 2)) %"
        return (
            text,
            [
                "checkpoint": .string(trained.directory), "text": .string(path), "loss": .number(scores.loss),
                "perplexity": .number(details.perplexity),
                "bits_per_byte": details.bitsPerByte.map(JSON.number) ?? .null,
                "accuracy": .number(details.accuracy), "targets": .integer(scores.targetCount),
            ]
        )
    }
}
