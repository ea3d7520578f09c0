import Tensors
import Datasets
import Models
import TestSupport
import Testing

@testable import Training
@testable import Settings
@testable import Tokenizers

/// The lines that describe a run to the user.
struct RunDescriptionTests {
    private func description(
        _ sets: [String], _ facts: DatasetFacts, _ sizes: ModelSizes
    ) throws -> RunDescription {
        RunDescription(configuration: try Configuration.load(file: nil, sets: sets), facts: facts, sizes: sizes)
    }

    private func facts(_ kind: DatasetKind, _ tokenizer: TokenizerDescription.Kind = .byte) -> DatasetFacts {
        var facts = DatasetFacts(textWith: TokenizerDescription(kind: tokenizer))
        facts.kind = kind
        return facts
    }

    private let text = ModelSizes(vocabularySize: 8000, contextLength: 128)

    @Test(arguments: [
        (
            ["model.family=decoder"],
            "decoder, 1 234 567 parameters (4 layers, 4 heads, width 128, context 128, vocabulary 8000)"
        ),
        (
            ["model.family=encoder", "model.layers=1", "model.kv_heads=2"],
            "encoder, 1 234 567 parameters (1 layer, 4 heads, 2 KV heads, width 128, context 128, "
                + "vocabulary 8000)"
        ),
        (
            ["model.family=encoder_decoder", "model.decoder_layers=2"],
            "encoder_decoder, 1 234 567 parameters (4 + 2 layers, 4 heads, width 128, context 128, vocabulary 8000)"
        ),
        (
            ["model.family=encoder_decoder"],
            "encoder_decoder, 1 234 567 parameters (4 + 4 layers, 4 heads, width 128, context 128, vocabulary 8000)"
        ),
        (
            ["model.family=prefix_decoder", "model.heads=1"],
            "prefix_decoder, 1 234 567 parameters (4 layers, 1 head, width 128, context 128, vocabulary 8000)"
        ),
    ])
    func describesTextModels(sets: [String], line: String) throws {
        #expect(try description(sets, facts(.text), text).model(parameters: 1_234_567) == "model: " + line)
    }

    @Test(arguments: [
        ("classification", 2, "2 classes"), ("classification", 1, "1 class"), ("multi_label", 5, "5 labels"),
        ("regression", 1, "1 number"),
    ])
    func describesClassifiers(kind: String, outputs: Int, words: String) throws {
        let sizes = ModelSizes(vocabularySize: 262, contextLength: 64, outputs: outputs)
        let sets = ["model.family=classifier", "objective.kind=\(kind)"]
        #expect(
            try description(sets, facts(.labelled), sizes).model(parameters: 9)
                == "model: classifier, 9 parameters (4 layers, 4 heads, width 128, context 64, vocabulary 262, \(words))"
        )
    }

    @Test(arguments: [
        (8, 8, 1, 2, "16 patches of 2 × 2 pixels in images of 8 × 8"),
        (32, 64, 3, 32, "2 patches of 32 × 32 pixels in images of 32 × 64 × 3"),
        (4, 4, 1, 4, "1 patch of 4 × 4 pixels in images of 4 × 4"),
    ])
    func describesImageClassifiers(height: Int, width: Int, channels: Int, patchSize: Int, words: String) throws {
        let sizes = ModelSizes(
            image: ImageShape(height: height, width: width, channels: channels), patchSize: patchSize, outputs: 10)
        let sets = ["model.family=image_classifier", "model.patch_size=\(patchSize)"]
        #expect(
            try description(sets, facts(.images, .none), sizes).model(parameters: 9)
                == "model: image_classifier, 9 parameters (4 layers, 4 heads, width 128, \(words), 10 classes)")
    }

    @Test func dataLineNamesTheRecords() throws {
        func line(
            _ kind: DatasetKind, truncated: [Split: Int] = [:], dropped: [Split: Int] = [:]
        ) throws -> String {
            try description([], facts(kind), text).data(
                "data/x", count: { $0 == .train ? 29_000 : 1014 }, truncated: { truncated[$0] ?? 0 },
                dropped: { dropped[$0] ?? 0 })
        }
        #expect(try line(.text) == "data: data/x, 29 000 training and 1 014 validation tokens")
        #expect(try line(.labelled) == "data: data/x, 29 000 training and 1 014 validation texts")
        #expect(try line(.images) == "data: data/x, 29 000 training and 1 014 validation images")
        #expect(
            try line(.parallel, truncated: [.train: 1200])
                == "data: data/x, 29 000 training and 1 014 validation pairs; "
                + "1 200 and 0 of them are longer than the context and are truncated")
        #expect(
            try line(.chat, dropped: [.validation: 3])
                == "data: data/x, 29 000 training and 1 014 validation conversations; "
                + "0 and 3 of them have no answer within the context and are left out")
    }

    @Test func batchLineNamesTheRecords() throws {
        let pool = ["data.length_pool=50"]
        #expect(
            try description([], facts(.text), text).batch == "batch: 16 sequences per step in 4 slots, 2 048 tokens")
        #expect(
            try description(pool, facts(.parallel), text).batch
                == "batch: 16 pairs per step in 4 slots, at most 2 048 tokens per side, of similar length within 50 batches"
        )
        #expect(
            try description(["batch.slots=1"], facts(.labelled), text).batch
                == "batch: 16 texts per step in 1 slot, at most 2 048 tokens")
        #expect(try description([], facts(.images), text).batch == "batch: 16 images per step in 4 slots")
    }

    @Test(arguments: [
        (["model.family=decoder"], "generate from it: dtrain generate --checkpoint RUN --prompt 'The '"),
        (["model.family=encoder"], "fill a blank with it: dtrain generate --checkpoint RUN --prompt 'The [MASK] of'"),
        (
            ["model.family=prefix_decoder"],
            "fill a blank with it: dtrain generate --checkpoint RUN --prompt 'The [MASK] of'"
        ),
        (
            ["model.family=encoder_decoder"],
            "generate from it: dtrain generate --checkpoint RUN --prompt 'A sentence.'"
        ),
        (["model.family=classifier"], "classify with it: dtrain generate --checkpoint RUN --prompt 'A sentence.'"),
        (
            ["model.family=classifier", "objective.kind=multi_label"],
            "label with it: dtrain generate --checkpoint RUN --prompt 'A sentence.'"
        ),
        (
            ["model.family=classifier", "objective.kind=regression"],
            "predict with it: dtrain generate --checkpoint RUN --prompt 'A sentence.'"
        ),
    ])
    func suggestsCommandForFamily(sets: [String], line: String) throws {
        #expect(try description(sets, facts(.text), text).use(of: "RUN") == line)
    }

    @Test func suggestsCommandWithoutTokenizer() throws {
        #expect(
            try description([], facts(.text, .none), text).use(of: "RUN")
                == "generate from it: dtrain generate --checkpoint RUN --prompt '1 2 3'")
        let image = ModelSizes(image: ImageShape(height: 4, width: 4, channels: 1), patchSize: 4, outputs: 2)
        #expect(
            try description(["model.family=image_classifier"], facts(.images, .none), image).use(of: "RUN")
                == "evaluate it: dtrain evaluate --checkpoint RUN")
    }

    /// The descriptions for the datasets of all families.
    @Test(arguments: FamilyCase.all)
    func describesEveryFamily(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        let data = try workshop.data()
        let model = Transformer<Float>(try workshop.configuration().model, data.sizes)
        #expect(data.description.model(parameters: model.layout.parameterCount).hasPrefix("model: "))
        // 150 records, a fifth of them held out; about 5 pairs have more than 31 bytes on a side.
        #expect(family.data == .documents || data.dataset.count(.train) == 120 && data.dataset.count(.validation) == 30)
        #expect((data.truncated[.train]! > 0) == (family.data == .parallel))
    }

    @Test func targetsAreNamedByObjective() throws {
        for (sets, name) in [
            ([], "tokens"), (["model.family=encoder"], "masked tokens"),
            (["model.family=prefix_decoder"], "infilled tokens"), (["model.family=encoder_decoder"], "target tokens"),
            (["model.family=classifier"], "texts"), (["model.family=image_classifier"], "images"),
            (["model.family=classifier", "objective.kind=multi_label"], "labels"),
            (["model.family=classifier", "objective.kind=regression"], "texts"),
        ] as [([String], String)] {
            #expect(try Configuration.load(file: nil, sets: sets).targetName == name)
        }
    }
}
