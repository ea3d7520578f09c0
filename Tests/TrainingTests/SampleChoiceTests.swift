import Collectives
import Datasets
import Files
import TestSupport
import Testing

@testable import Training
@testable import Inference
@testable import Settings
@testable import Preparation

/// The samples that a configuration selects for a dataset, and the datasets that it rejects.
struct SampleChoiceTests {
    private func family(_ name: String) throws -> FamilyCase {
        try #require(FamilyCase.all.first { $0.name == name })
    }

    @Test(arguments: FamilyCase.all + [.chat])
    func choosesSamplesOfFamily(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        defer { withExtendedLifetime(workshop) {} }
        let data = try workshop.data()
        let samples = data.training
        switch family.name {
        case "decoder": #expect(samples is CausalSamples && samples.shape.hasDocuments)
        case "chat": #expect(samples is ChatSamples)
        case "encoder": #expect(samples is MaskedSamples)
        case "prefix decoder": #expect(samples is InfillingSamples)
        case "encoder-decoder": #expect(samples is PairSamples)
        case "words": #expect(samples is WordSamples)
        case "images": #expect(samples is ImageSamples && samples.shape.positions == data.sizes.contextLength)
        default: #expect(samples is LabelledSamples)
        }
        #expect(
            data.sizes.outputs == ["classes": 4, "labels": 3, "numbers": 1, "images": 3, "words": 6][family.name] ?? 0)
        #expect(data.sizes.vocabularySize == (family.data == .images ? 0 : 262))
        #expect(samples.shape.values == ["labels": 3, "numbers": 1][family.name] ?? 0)
    }

    /// Each family rejects the datasets of other families; the message names the required kind and its preparation.
    @Test(arguments: FamilyCase.all)
    func rejectsDatasetsOfOtherFamilies(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        for (other, kind, preparation) in [
            ("decoder", "text", "--text FILE or --jsonl FILE"), ("encoder", "text", "--text FILE"),
            ("prefix_decoder", "text", "--text FILE"), ("encoder_decoder", "parallel", "--parallel SOURCE TARGET"),
            ("classifier", "labelled", "--labelled FILE"), ("image_classifier", "images", "--images PATH"),
        ] {
            let found =
                switch family.data {
                case .documents: "text"
                case .parallel: "parallel"
                case .labelled: "labelled"
                case .chat: "chat"
                case .images: "images"
                }
            if found == kind { continue }
            let data = "data.directory=\(workshop.directory.file("data"))"
            expectFailure(
                .usage, "\(workshop.directory.file("data")) is a dataset of kind \(found)", "model.family \(other)",
                "needs one of kind \(kind)", "dtrain prepare \(preparation)"
            ) {
                _ = try TrainingData(
                    Configuration.load(file: nil, sets: [data, "model.family=\(other)"]), SoloCommunicator())
            }
        }
    }

    @Test func rejectsLabelsOfAnotherKind() throws {
        for (name, found, objective) in [
            ("classes", "class", "classification"), ("labels", "multi", "multi_label"),
            ("numbers", "number", "regression"),
        ] {
            let workshop = try FamilyWorkshop(family(name))
            for other in ["classification", "multi_label", "regression"] where other != objective {
                expectFailure(
                    .usage,
                    "objective.kind: found \(other); the labels of \(workshop.directory.path)/data are of kind "
                        + "\(found). Allowed for them: \(objective)."
                ) { _ = try workshop.data(["objective.kind=\(other)"]) }
            }
        }
    }

    @Test func rejectsSizesThatDoNotFit() throws {
        let images = try FamilyWorkshop(family("images"))
        expectFailure(.usage, "model.patch_size: found 4", "images of 6 × 6 pixels", "a divisor of both") {
            _ = try images.data(["model.patch_size=4"])
        }
        #expect(try images.data(["model.patch_size=3"]).sizes.contextLength == 5)
        let text = try FamilyWorkshop(family("encoder"))
        expectFailure(.usage, "model.vocabulary_size: found 261", "has 262 tokens", "0 (the dataset's) or at least 262")
        {
            _ = try text.data(["model.vocabulary_size=261"])
        }
        #expect(try text.data(["model.vocabulary_size=264"]).sizes.vocabularySize == 264)
        let pairs = try FamilyWorkshop(family("encoder-decoder"))
        expectFailure(.badData, "(train), record ", "allows at most 31.", "set data.truncate to true") {
            _ = try pairs.data(["data.truncate=false"])
        }
    }

    /// The byte tokenizer of plain text has no special tokens.
    @Test(arguments: [
        ("model.family=encoder", "mask", "masked"), ("model.family=prefix_decoder", "mask", "infilling"),
        ("data.separate_documents=true", "eos", "causal"),
    ])
    func reportsMissingSpecialTokens(set: String, token: String, objective: String) throws {
        let directory = TemporaryDirectory()
        try File(directory.file("text"), .create).write(Array(String(repeating: "text ", count: 100).utf8))
        _ = try DatasetPreparation(texts: [directory.file("text")], output: directory.file("data")).run()
        let sets = ["data.directory=\(directory.file("data"))", "data.context_length=8"]
        #expect(try TrainingData(Configuration.load(file: nil, sets: sets), SoloCommunicator()).validation != nil)
        expectFailure(
            .usage, "data: its tokenizer has no token \(token), which objective \(objective) needs", "bpe:SIZE"
        ) { _ = try TrainingData(Configuration.load(file: nil, sets: sets + [set]), SoloCommunicator()) }
    }
}
