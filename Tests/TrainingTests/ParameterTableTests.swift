import Files
import Inspection
import Preparation
import Settings
import TestSupport
import Testing

/// The parameters that a configuration has, before anything is trained.
struct ParameterTableTests {
    private let directory = TemporaryDirectory()

    private func table(_ sets: String...) throws -> String {
        let tiny = ["model.layers=1", "model.heads=2", "model.width=16", "data.directory=\(directory.file("data"))"]
        return try ParameterTable(Configuration.load(file: nil, sets: tiny + sets)).text
    }

    /// The shapes of a text model depend on the vocabulary, but on nothing else of the dataset.
    @Test func textModelsNeedOnlyAVocabulary() throws {
        #expect(try table("model.vocabulary_size=300").contains("300 × 16"))
        expectFailure(.usage, "--show parameters", "the vocabulary", directory.file("data"), "model.vocabulary_size") {
            _ = try table()
        }
        expectFailure(.usage, "the vocabulary and the labels") {
            _ = try table("model.family=classifier", "model.vocabulary_size=300")
        }
        expectFailure(.usage, "the size of the images and the labels") {
            _ = try table("model.family=image_classifier")
        }
    }

    /// The vocabulary of a dataset is used even if it is too short for training.
    @Test func acceptsDatasetTooShortForTraining() throws {
        let text = directory.file("text")
        try FileSystem.replaceContents(of: text, with: "short")
        _ = try DatasetPreparation(texts: [text], output: directory.file("data")).run()
        #expect(try table().contains("256 × 16"))
    }
}
