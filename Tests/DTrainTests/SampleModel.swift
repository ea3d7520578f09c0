import Checkpoints
import Datasets
import Files
import Models
import Settings
import Tensors
import TestSupport
import Tokenizers

@testable import DTrain
@testable import Inference

/// A run with one checkpoint of a tiny model with random initial weights.
struct SampleModel {
    let directory = TemporaryDirectory()
    let model: Transformer<Float>
    let weights: Arena<Float>
    /// The directory of the checkpoint.
    let checkpoint: String

    /// The run directory.
    var run: String { directory.file("run") }

    /// A model of a family that reads text, with a context of 12 bytes.
    ///
    /// - Parameter labels: The labels of a classifier.
    init(_ family: String, _ sets: String..., labels: LabelDescription? = nil) throws {
        var facts = DatasetFacts(textWith: ByteTokenizer(withSpecialTokens: true).description)
        if family == "encoder_decoder" { facts.kind = .parallel }
        if let labels { (facts.kind, facts.labels) = (.labelled, labels) }
        try self.init(["model.family=\(family)", "data.context_length=12"] + sets, facts, vocabularySize: 262)
    }

    /// Opens a model of a family; afterwards its files are removed.
    static func opened(_ family: String) throws -> Model {
        let sample = try SampleModel(family)
        return try withExtendedLifetime(sample) { try Model(at: sample.run) }
    }

    /// A model with the keys `sets` for data of `facts`.
    init(_ sets: [String], _ facts: DatasetFacts, vocabularySize: Int) throws {
        // Tests of the thread pool run in the same process: opening a model starts no threads.
        Model.threadsAreChosen.withLock { $0 = true }
        let common = ["model.layers=2", "model.heads=2", "model.width=16", "run.seed=\(3 + seedOffset)"]
        let configuration = try Configuration.load(file: nil, sets: common + sets)
        let sizes = try configuration.sizes(of: facts, vocabularySize: vocabularySize, name: "test")
        model = Transformer<Float>(configuration.model, sizes)
        let layout = model.layout
        weights = Arena<Float>(count: layout.count)
        layout.initialize(0..<layout.count, into: weights.base, seed: UInt64(configuration.run.seed))
        // Weights as small as random initial ones give every token about the same probability.
        for index in 0..<layout.count { weights.base[index] *= 4 }
        checkpoint = try Checkpoint.commit(
            run: RunDirectory(directory.file("run")), state: CheckpointState(step: 5, consumedSamples: 1),
            program: "test",
            identity: [
                "configuration": .string(configuration.resolvedYAML), "layout": "0", "dataset": "0",
                "vocabulary_size": .integer(vocabularySize), "data": facts.json,
            ], files: [(modelFileName, NamedArena(weights, layout).sources)]
        ).directory
    }
}
