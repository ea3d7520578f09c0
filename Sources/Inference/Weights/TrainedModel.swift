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

/// A model from a checkpoint, with its weights and tokenizer.
package struct TrainedModel {
    /// The checkpoint's directory; that of the run for a model in training.
    package let directory: String
    /// The configuration of the run that trained the model.
    package let configuration: Configuration
    /// The properties of the dataset that the model was trained on.
    package let facts: DatasetFacts
    /// What the model was imported from; nil if it was not imported.
    let origin: ModelOrigin?
    package let model: Transformer<Float>
    /// The weights in Float32.
    package let weights: Arena<Float>
    package let tokenizer: any Tokenizer
    /// The output indices that must not be generated, in ascending order: tokens without text, and padding beyond the
    /// tokenizer's vocabulary.
    package let tokensWithoutText: [Int32]

    /// Verifies and loads the checkpoint in `directory`. Collective: rank 0 reads the weights for all ranks.
    ///
    /// - Parameter choice: The weights to load; nil: the moving average if there is one.
    /// - Throws: `badData` if the checkpoint is damaged or invalid; `usage` for a model that does not read text.
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
        self.init(directory, identity.configuration, identity.facts, tokenizer, model, weights, origin: identity.origin)
    }

    /// Loads the checkpoint in `directory` on the calling rank only; the other ranks wait.
    ///
    /// - Throws: As `init`.
    package static func onOneRank(_ directory: String, _ choice: WeightChoice?) throws(Failure) -> TrainedModel {
        try SoloCommunicator.run { try TrainedModel(checkpoint: directory, choice, $0) }
    }

    /// Creates a trained model from a model that is already loaded.
    package init(
        _ directory: String, _ configuration: Configuration, _ facts: DatasetFacts, _ tokenizer: any Tokenizer,
        _ model: Transformer<Float>, _ weights: Arena<Float>, origin: ModelOrigin? = nil
    ) {
        (self.directory, self.configuration, self.facts) = (directory, configuration, facts)
        self.origin = origin
        self.tokenizer = tokenizer
        self.model = model
        self.weights = weights
        tokensWithoutText = tokenizer.outputsWithoutText(rows: model.sizes.vocabularySize)
    }

    /// The error for a logit that is infinite or NaN, at index `output` of the model's output.
    package func nonFinite(output: Int) -> Failure { nonFinitePrediction(directory, output: output) }

    /// The error for hidden states that are infinite or NaN.
    package func nonFiniteState() -> Failure {
        Failure(
            .badData,
            "\(directory): a hidden state of the model is infinite or not a number. "
                + nonFiniteCause)
    }

    /// The reason for rejecting a text of `count` tokens if at most `limit` are allowed.
    ///
    /// - Parameter canCrop: Whether `--crop` is possible for the family.
    func tooLong(_ count: Int, limit: Int, canCrop: Bool) -> String {
        let part = model.architecture.response == .continuation ? "end" : "beginning"
        return "has \(count) tokens; the model's limit is \(limit). "
            + (canCrop ? "Shorten it, or add --crop to read only its \(part)." : "Shorten it.")
    }

    /// Returns a special token of the tokenizer.
    ///
    /// - Throws: `badData` if `token` is nil.
    func token(_ token: Int32?, _ name: String) throws(Failure) -> Int32 {
        try requiredToken(token, name, of: directory)
    }
}

extension Tokenizer {
    /// The outputs of a model with `rows` outputs that are no text, in ascending order: tokens without text, and
    /// padding beyond the vocabulary.
    package func outputsWithoutText(rows: Int) -> [Int32] {
        tokensWithoutText().filter { $0 < rows } + (min(vocabularySize, rows)..<rows).map(Int32.init)
    }
}

/// The error for a logit that is infinite or NaN, at index `output` of the output of the model in `directory`.
func nonFinitePrediction(_ directory: String, output: Int) -> Failure {
    Failure(
        .badData,
        "\(directory): the model's prediction is not finite: its logit \(output) is infinite or not a number. "
            + nonFiniteCause)
}

/// The cause of numbers that are not finite, and what to do.
private let nonFiniteCause =
    "Its weights are too large to compute with: the training run diverged, or the model was damaged before it was "
    + "imported. Use an earlier checkpoint or another copy."

/// Verifies a checkpoint and loads its model in Float32. Collective: rank 0 reads the weights for all ranks.
///
/// - Parameters:
///   - choice: The weights to load; nil: the moving average if there is one.
///   - sequences: The number of sequences that each rank will compute at once, for the memory estimate.
/// - Throws: `AgreedFailure` with `usage` if a host has not enough memory; with `badData` for a damaged checkpoint.
func loadModel(
    _ checkpoint: Checkpoint, _ identity: CheckpointIdentity, _ choice: WeightChoice?, _ communicator: any Communicator,
    sequences: Int = 0
) throws -> (model: Transformer<Float>, weights: Arena<Float>) {
    try communicator.together { () throws(Failure) in
        try checkpoint.requireBytes(for: identity.layout.trained)
        if let base = identity.base {
            try base.open(for: checkpoint.directory).requireBytes(
                for: identity.configuration.model.layout(identity.sizes))
        }
    }
    var sizes = identity.sizes
    if sizes.image == nil {
        // The checkpoint records only the number of embedding rows, which may include padding.
        sizes.tokenCount = try communicator.together { () throws(Failure) in
            min(try identity.makeTokenizer().vocabularySize, sizes.vocabularySize)
        }
    }
    let model = Transformer<Float>(identity.configuration.model, sizes)
    try communicator.requireMemory(
        for: checkpoint.directory, remedy: "Start fewer ranks per host, or use a larger host."
    ) {
        var estimate = MemoryEstimate.weights(model.layout, copies: communicator.localSize)
        estimate.addActivations(model, sequences: sequences, ranks: communicator.localSize)
        return estimate
    }
    let weights = Arena<Float>(count: model.layout.count)
    _ = try communicator.onFirstRank { () throws(Failure) in
        try checkpoint.verify()
        try loadWeights(checkpoint, identity, model.layout, into: weights, choice)
        return ""
    }
    try communicator.broadcast(weights.bytes(of: 0..<weights.count), from: 0)
    return (model, weights)
}

extension Checkpoint {
    /// Checks that the files have at least two bytes for each trained parameter that the manifest describes, before
    /// memory for these is allocated.
    ///
    /// - Throws: `badData` if they do not.
    fileprivate func requireBytes(for layout: ParameterLayout) throws(Failure) {
        let held = manifest.files.reduce(0) { $0 + $1.size }
        guard layout.parameterCount <= held / 2 else {
            throw Failure(
                .badData,
                "\(directory): its manifest describes a model of \(layout.parameterCount) parameters, but its files hold "
                    + "\(held) bytes. It was changed; use another checkpoint.")
        }
    }
}
