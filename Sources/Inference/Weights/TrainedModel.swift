import Checkpoints
import Collectives
import Datasets
import Failures
import Interchange
import Models
import Resources
import Settings
import Tensors
import Tokenizers

/// A model from a checkpoint, with all that is needed to use it on text.
package struct TrainedModel {
    /// The checkpoint's directory.
    package let directory: String
    package let identity: CheckpointIdentity
    package let model: Transformer<Float>
    /// Its weights in Float32.
    package let weights: Arena<Float>
    package let tokenizer: any Tokenizer
    /// The rows of its output that stand for no text, in ascending order: tokens without text, and rows beyond the
    /// tokenizer's vocabulary.
    package let tokensWithoutText: [Int32]

    /// Loads and verifies the checkpoint in `directory`. Rank 0 reads the weights for all.
    ///
    /// - Parameter choice: Which weights; nil for the averaged ones where there are any.
    /// - Throws: `badData` where it is damaged or makes no sense; `usage` for a model that reads no text.
    package init(
        checkpoint directory: String, _ choice: WeightChoice? = nil, _ communicator: any Communicator
    ) throws {
        let (checkpoint, identity, tokenizer) = try communicator.together { () throws(Failure) in
            let checkpoint = try Checkpoint.open(directory)
            let identity = try CheckpointIdentity(checkpoint)
            let family = identity.configuration.model.family
            guard family.architecture.input == .tokens else {
                throw Failure(
                    .usage,
                    "\(directory) is a model of family \(family.rawValue), which reads no text. Measure it with "
                        + "dtrain evaluate.")
            }
            return (checkpoint, identity, try identity.makeTokenizer())
        }
        let (model, weights) = try loadModel(checkpoint, identity, choice, communicator)
        self.init(directory, identity, tokenizer, model, weights)
    }

    /// A model that is loaded already.
    init(
        _ directory: String, _ identity: CheckpointIdentity, _ tokenizer: any Tokenizer, _ model: Transformer<Float>,
        _ weights: Arena<Float>
    ) {
        self.directory = directory
        self.identity = identity
        self.tokenizer = tokenizer
        self.model = model
        self.weights = weights
        let rows = model.sizes.vocabularySize
        tokensWithoutText =
            tokenizer.tokensWithoutText().filter { $0 < rows }
            + (min(tokenizer.vocabularySize, rows)..<rows).map(Int32.init)
    }

    /// The failure of a prediction that is infinite or NaN, at an index of the model's output.
    func nonFinite(output: Int) -> Failure {
        Failure(
            .badData,
            "\(directory): the model's prediction is not finite: its logit \(output) is infinite or not a number, so that "
                + "nothing can be chosen by it. Its weights are too large to compute with: the training diverged, or the "
                + "model was damaged before it was imported. Take an earlier checkpoint or another copy.")
    }

    /// The reason why a text of `count` tokens is refused where at most `limit` are read.
    ///
    /// - Parameter canCrop: Whether the family reads a part of a text on request.
    func tooLong(_ count: Int, limit: Int, canCrop: Bool) -> String {
        let part = model.architecture.response == .continuation ? "end" : "beginning"
        return "has \(count) tokens; the model's context holds \(limit) of a text. "
            + (canCrop ? "Shorten it, or add --crop to have its \(part) read." : "Shorten it.")
    }

    /// A special token of the tokenizer.
    ///
    /// - Throws: `badData` where it has none.
    func token(_ token: Int32?, _ name: String) throws(Failure) -> Int32 {
        if let token { return token }
        throw Failure(
            .badData, "\(directory): its tokenizer has no token \(name), which its family cannot do without.")
    }
}

/// Verifies a checkpoint and loads its model in Float32. Rank 0 reads the weights for all.
///
/// - Parameters:
///   - choice: Which weights; nil for the averaged ones where there are any.
///   - sequences: The sequences whose activations each rank computes at once with what is loaded, for an estimate of memory.
/// - Throws: `AgreedFailure` with `usage` where a host has not the memory, `badData` for a damaged checkpoint.
func loadModel(
    _ checkpoint: Checkpoint, _ identity: CheckpointIdentity, _ choice: WeightChoice?, _ communicator: any Communicator,
    sequences: Int = 0
) throws -> (model: Transformer<Float>, weights: Arena<Float>) {
    // What a manifest claims is allocated only where the files are large enough to hold it, in halves at least.
    try communicator.together { () throws(Failure) in
        let claimed = PortableModel(
            identity.configuration.model, identity.sizes, labels: identity.facts.labels, special: .none
        ).makeLayout().parameterCount
        let held = checkpoint.manifest.files.reduce(0) { $0 + $1.size }
        guard claimed <= held / 2 else {
            throw Failure(
                .badData,
                "\(checkpoint.directory): its manifest describes a model of \(claimed) parameters, its files hold "
                    + "\(held) bytes. It was altered; take another checkpoint.")
        }
    }
    var sizes = identity.sizes
    if sizes.image == nil {
        // The checkpoint names the rows of the model only.
        sizes.tokenCount = try communicator.together { () throws(Failure) in
            min(try identity.makeTokenizer().vocabularySize, sizes.vocabularySize)
        }
    }
    let model = Transformer<Float>(identity.configuration.model, sizes)
    try communicator.requireMemory(for: checkpoint.directory, remedy: "Start fewer ranks a host, or use a larger host.")
    {
        var estimate = MemoryEstimate.weights(model.layout, copies: communicator.localSize)
        let bytes = model.activationBytes(sequences: sequences, positions: identity.sizes.contextLength)
        estimate.add("activations", bytes, bytesEach: 1, times: communicator.localSize)
        return estimate
    }
    let weights = Arena<Float>(count: model.layout.count)
    _ = try communicator.onFirstRank { () throws(Failure) in
        try checkpoint.verify()
        try loadWeights(checkpoint, model.layout, into: weights, precision: identity.configuration.precision, choice)
        return ""
    }
    try communicator.broadcast(weights.bytes(of: 0..<weights.count), from: 0)
    return (model, weights)
}
