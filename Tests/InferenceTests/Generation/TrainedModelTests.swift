import Checkpoints
import Collectives
import Datasets
import Files
import TestSupport
import Testing

@testable import Inference
@testable import Settings
@testable import Tokenizers

/// The sizes in a manifest are checked against the files before they are used.
struct TrainedModelTests {
    let directory = TemporaryDirectory()

    private func identity(_ sets: String..., vocabularySize: Int) throws -> JSON {
        let configuration = try Configuration.load(file: nil, sets: sets)
        return [
            "configuration": .string(configuration.resolvedYAML), "layout": "0", "dataset": "0",
            "vocabulary_size": .integer(vocabularySize),
            "data": DatasetFacts(textWith: TokenizerDescription(kind: .none)).json,
        ]
    }

    private func commit(_ identity: JSON) throws -> Checkpoint {
        try Checkpoint.commit(
            run: RunDirectory(directory.file("run")), state: CheckpointState(step: 1, consumedSamples: 1),
            program: "test", identity: identity, files: [("model.safetensors", [])])
    }

    @Test func implausibleModelIsNotAllocated() throws {
        let claims = try identity("model.width=65536", "model.heads=64", "model.layers=4", vocabularySize: 256)
        let directory = try commit(claims).directory
        let agreed = #expect(throws: AgreedFailure.self) {
            _ = try TrainedModel(checkpoint: directory, nil, SoloCommunicator())
        }
        #expect(agreed?.failure.exitCode == .badData)
        #expect(agreed?.failure.message.contains("its manifest describes a model of 2") == true, "\(agreed as Any)")
    }

    @Test(arguments: [0, 4_194_305, .max]) func rejectsImpossibleVocabularySize(size: Int) throws {
        let checkpoint = try commit(try identity(vocabularySize: size))
        expectFailure(.badData, "\(size) tokens", "1 to 4194304") { _ = try CheckpointIdentity(checkpoint) }
    }
}
