import CProcessor
import DTrain
import Datasets
import Files
import TestSupport
import Testing

/// Expects `body` to throw an error of a kind whose message contains every one of `words`.
func expectError(
    _ kind: DTrainError.Kind, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    let error = #expect(throws: DTrainError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.kind == kind, "\(error as Any)", sourceLocation: sourceLocation)
    for word in words {
        #expect(error?.message.contains(word) == true, "\(error as Any)", sourceLocation: sourceLocation)
    }
}

/// Opening checkpoints.
@Suite struct ModelTests {
    @Test func opensRunsAndCheckpoints() throws {
        let sample = try SampleModel("decoder")
        for path in [sample.run, sample.run + "/", sample.checkpoint] {
            let model = try Model(at: path)
            #expect(model.directory == sample.checkpoint && model.step == 5 && model.family == .decoder)
            #expect((model.contextLength, model.vocabularySize, model.width) == (12, 262, 16))
            #expect(model.labels.isEmpty && model.notes.isEmpty)
        }
        let labels = LabelDescription(kind: .class, names: ["cat", "dog"])
        let classifier = try SampleModel("classifier", labels: labels)
        #expect(try Model(at: classifier.run).labels == ["cat", "dog"])
    }

    @Test func rejectsPathsWithoutCheckpoint() throws {
        let sample = try SampleModel("decoder")
        expectError(.badData, "there is no such file or directory", "Name a checkpoint") {
            _ = try Model(at: sample.directory.file("missing"))
        }
        expectError(.badData) { _ = try Model(at: "") }
        expectError(.badData, "manifest.json") { _ = try Model(at: sample.directory.path) }
        expectError(.usage, "holds no averaged weights") { _ = try Model(at: sample.run, weights: .average) }
        _ = try Model(at: sample.run, weights: .last)
    }

    @Test(arguments: ["model.safetensors", "manifest.json", "state.json"]) func rejectsDamagedCheckpoints(file: String)
        throws
    {
        let sample = try SampleModel("decoder")
        let path = "\(sample.checkpoint)/\(file)"
        var bytes = try FileSystem.contents(of: path)
        bytes[bytes.count / 2] ^= 1
        try FileSystem.remove(path)
        try File(path, .create).write(bytes)
        expectError(.badData, file) { _ = try Model(at: sample.checkpoint) }
        expectError(.badData, file) { _ = try Model(at: sample.run) }
    }

    /// The error for a call that the family does not support names the families that do.
    @Test func unsupportedCallsNameTheFamilies() throws {
        let decoder = try SampleModel.opened("decoder")
        expectError(.usage, "is a model of family decoder, which cannot translate", "encoder_decoder.") {
            _ = try decoder.translate("abc")
        }
        expectError(.usage, "cannot fill blanks", "encoder, prefix_decoder.") { _ = try decoder.fill("a [MASK]") }
        expectError(.usage, "cannot classify texts", "classifier.") { _ = try decoder.classify(["abc"]) }
        expectError(.usage, "cannot classify images", "image_classifier.") { _ = try decoder.classify(images: ["x"]) }
        let encoder = try SampleModel.opened("encoder")
        expectError(.usage, "cannot continue a prompt", "decoder.") { _ = try encoder.generate("abc") }
        expectError(.usage, "cannot continue a prompt", "decoder.") { _ = try encoder.generate(["abc"]) }
    }

    /// Several threads may use a model at once. (Numbers of compute threads are tested in a process of their own.)
    @Test func threadsMayShareModel() async throws {
        let model = try SampleModel.opened("decoder")
        var options = GenerationOptions()
        options.tokens = 40
        let expected = try model.generate(["abc", "de"], options)
        let all = try await withThrowingTaskGroup(of: [String].self) { [options] group in
            for _ in 0..<6 { group.addTask { try model.generate(["abc", "de"], options) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(all.count == 6 && all.allSatisfy { $0 == expected })
        expectError(.usage, "threads: found 0; allowed: auto, or a whole number from 1 to 1024") {
            try Model.useThreads(0)
        }
    }

    /// After a call, the caller's thread computes with denormals if it did so before.
    @Test func callsRestoreTheFloatingPointMode() throws {
        let model = try SampleModel.opened("decoder")
        // Without the flags of exceptions, which any computation may raise.
        func mode() -> UInt64 { cprocessor_floating_point_mode() & ~0x3F }
        let before = mode()
        _ = try model.generate("abc")
        #expect(mode() == before)
        expectError(.usage) { _ = try model.generate("") }
        #expect(mode() == before)
    }

    /// A call in a cancelled task throws an error instead of returning a part of the result.
    @Test func cancelledCallsThrow() async throws {
        let model = try SampleModel.opened("decoder")
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try model.generate("abc")
        }
        task.cancel()
        let result = await task.result
        expectError(.cancelled) { _ = try result.get() }
    }
}
