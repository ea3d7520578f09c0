import Checkpoints
import Collectives
import Datasets
import Files
import Models
import Settings
import Tensors
import TestSupport
import Tokenizers

@testable import Inference

/// A model with random weights and a context of 16 bytes, in a checkpoint of its own.
struct TinyModel {
    private let directory = TemporaryDirectory()
    let trained: TrainedModel

    /// A model of `family`.
    ///
    /// - Parameters:
    ///   - labels: The labels of a classifier.
    ///   - change: Changes the weights of a parameter before they are stored.
    init(
        _ family: String, _ sets: [String] = [], labels: LabelDescription? = nil,
        change: (_ name: String, _ values: UnsafeMutableBufferPointer<Float>) -> Void = { _, _ in }
    ) throws {
        var facts = DatasetFacts(textWith: ByteTokenizer(withSpecialTokens: true).description)
        if family == "encoder_decoder" { facts.kind = .parallel }
        if let labels { (facts.kind, facts.labels) = (.labelled, labels) }
        let configuration = try Configuration.load(
            file: nil,
            sets: [
                "model.family=\(family)", "data.context_length=16", "model.layers=3", "model.heads=2", "model.width=16",
            ] + sets)
        let sizes = try configuration.sizes(of: facts, vocabularySize: 262, name: "tiny")
        let layout = Transformer<Float>(configuration.model, sizes).layout
        let weights = Arena<Float>(count: layout.count)
        layout.initialize(weights, seed: 7)
        for parameter in layout.parameters {
            let values = UnsafeMutableBufferPointer(start: weights.base + parameter.offset, count: parameter.count)
            // Initial weights are so small that all predictions would be about equal.
            if parameter.name.hasSuffix("weight") { for index in values.indices { values[index] *= 8 } }
            change(parameter.name, values)
        }
        let checkpoint = try Checkpoint.commit(
            run: RunDirectory(directory.file("run")), state: CheckpointState(step: 1, consumedSamples: 1),
            program: "test",
            identity: [
                "configuration": .string(configuration.resolvedYAML), "layout": "0", "dataset": "0",
                "vocabulary_size": 262, "data": facts.json,
            ], files: [(modelFileName, NamedArena(weights, layout).sources)])
        trained = try TrainedModel.onOneRank(checkpoint.directory, nil)
    }

    var generation: Generation { Generation(GenerationSettings(checkpoint: ""), trained, SoloCommunicator()) }

    /// A model of every family that reads text, with each kind of output and of position.
    static func families() throws -> [(name: String, model: TinyModel)] {
        let classes = LabelDescription(kind: .class, names: ["bad", "good", "other"])
        return [
            ("decoder", try TinyModel("decoder")),
            ("rotary decoder", try TinyModel("decoder", ["model.positions=rotary", "model.normalization=rms"])),
            ("encoder", try TinyModel("encoder", ["model.placement=post", "model.normalize_embeddings=true"])),
            ("encoder-decoder", try TinyModel("encoder_decoder", ["model.scale_embeddings=true"])),
            ("prefix decoder", try TinyModel("prefix_decoder")),
            ("classifier", try TinyModel("classifier", ["model.pooling=mean"], labels: classes)),
            (
                "labels",
                try TinyModel(
                    "classifier", ["objective.kind=multi_label"],
                    labels: LabelDescription(kind: .multi, names: classes.names))
            ),
            (
                "number",
                try TinyModel(
                    "classifier", ["objective.kind=regression"], labels: LabelDescription(kind: .number, names: []))
            ),
        ]
    }
}
