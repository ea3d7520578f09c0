import DTrain
import Datasets
import Files
import Glibc
import Tensors
import TestSupport
import Testing

/// The snippets of docs/guide.md, in a directory with the runs that they name.
@Suite struct GuideTests {
    private func link(_ sample: SampleModel, _ name: String, _ directory: TemporaryDirectory) throws {
        try #require(symlink(sample.run, directory.file("runs/\(name)")) == 0)
    }

    @Test func snippetsRun() throws {
        let directory = TemporaryDirectory()
        try FileSystem.makeDirectory(directory.file("runs"))
        let decoder = try SampleModel("decoder")
        let translator = try SampleModel("encoder_decoder")
        let encoder = try SampleModel("encoder", "data.context_length=16")
        let labels = LabelDescription(kind: .class, names: ["en", "fr"])
        let classifier = try SampleModel("classifier", labels: labels)
        var facts = DatasetFacts(textWith: .init(kind: .none))
        facts.kind = .images
        facts.labels = labels
        facts.imageShape = ImageShape(height: 4, width: 4, channels: 1)
        let images = try SampleModel(
            ["model.family=image_classifier", "model.patch_size=2"], facts, vocabularySize: 256)
        try File(directory.file("digit.png"), .create).write(png(height: 4, width: 4, channels: 1, Array(0..<16)))
        for (sample, name) in [
            (decoder, "mine"), (translator, "translation"), (encoder, "bert"), (classifier, "languages"),
            (images, "digits"),
        ] { try link(sample, name, directory) }

        /// `Model(at:)` with paths below `directory`, since the working directory belongs to all tests.
        func Model(at path: String) throws -> DTrain.Model { try DTrain.Model(at: directory.file(path)) }

        let model = try Model(at: "runs/mine")
        var options = GenerationOptions()
        options.tokens = 40
        options.temperature = 0.7
        let text = try model.generate("Dear ", options)
        #expect(!text.isEmpty)

        let french = try Model(at: "runs/translation").translate("A dog runs.")
        let filled = try Model(at: "runs/bert").fill("A [MASK] dog")
        let predictions = try Model(at: "runs/languages").classify(["Un chien", "A dog"])
        let vectors = try model.embed(["Dear Sir", "Dear Madam"])
        let tokens = try model.tokenize("Dear ")
        #expect(!french.isEmpty && !filled.contains("[MASK]") && predictions.count == 2)
        #expect(vectors.map(\.count) == [16, 16] && tokens.count == 5)

        let paths = [directory.file("digit.png")]
        let digits = try Model(at: "runs/digits").classify(images: paths)
        #expect(digits.count == 1)
    }
}
