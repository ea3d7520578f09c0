import Files
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointTests {
    let sample = SampleRun()

    @Test func readsBackCommittedCheckpoint() throws {
        let committed = try sample.commit()
        #expect(committed.directory == sample.run.checkpoints + "/step-00000400")
        #expect(
            try FileSystem.list(committed.directory)
                == ["manifest.json", "model.safetensors", "optimizer-adamw.safetensors", "state.json"])

        let opened = try Checkpoint.open(committed.directory)
        #expect(opened.state == sample.state)
        #expect(opened.identity == sample.identity)
        #expect(opened.manifest == committed.manifest)
        #expect(opened.manifest.program == "dtrain 0.0.0")
        #expect(opened.step == 400)
        #expect(opened.tensorFileNames == sample.files.map(\.name))

        for (name, tensors) in sample.files {
            let rooms = tensors.map { Memory(byteCount: $0.byteCount) }
            for room in rooms { room.buffer.initializeMemory(as: UInt8.self, repeating: 0) }
            try opened.loadTensors(
                name,
                into: zip(tensors, rooms).map {
                    TensorDestination(name: $0.name, type: $0.type, shape: $0.shape, bytes: $1.buffer)
                })
            for (tensor, room) in zip(tensors, rooms) {
                var bytes: [UInt8] = []
                try tensor.forEachBlock { bytes += Array($0) }
                #expect(room.bytes == bytes)
            }
        }
    }

    @Test func storesAndVerifiesTokenizer() throws {
        let without = try sample.commit()
        #expect(try without.tokenizerModel() == [])
        sample.tokenizerModel = Array("pieces and their scores".utf8)
        let committed = try sample.commit()
        #expect(try FileSystem.list(committed.directory).last == "tokenizer.model")
        #expect(try Checkpoint.open(committed.directory).tokenizerModel() == sample.tokenizerModel)
        // The digest covers the training state; the tokenizer model has its own hash.
        #expect(committed.digest == without.digest)
        #expect(committed.tensorFileNames == without.tensorFileNames)
        try flipBit(committed.directory + "/tokenizer.model", at: 3)
        expectFailure(.badData, "tokenizer.model", "XXH3-128") { try Checkpoint.open(committed.directory).verify() }
        expectFailure(.badData, "tokenizer.model", "XXH3-128") {
            _ = try Checkpoint.open(committed.directory).tokenizerModel()
        }
        try FileSystem.remove(committed.directory + "/tokenizer.model")
        expectFailure(.badData, "tokenizer.model") { _ = try Checkpoint.open(committed.directory) }
    }

    @Test func rejectsOversizedTokenizer() throws {
        sample.tokenizerModel = [1]
        let committed = try sample.commit()
        let (directory, manifest) = (committed.directory, committed.manifest)
        // A sparse file, which occupies no disk space.
        let size = 1 << 40
        try #require(truncate(directory + "/tokenizer.model", size) == 0)
        let files = manifest.files.map { file in
            CheckpointManifest.File(
                name: file.name, size: file.name == "tokenizer.model" ? size : file.size, digest: file.digest)
        }
        let forged = CheckpointManifest(
            program: manifest.program, step: manifest.step, digest: manifest.digest, files: files,
            identity: manifest.identity)
        try FileSystem.replaceContents(of: directory + "/manifest.json", with: forged.text)
        expectFailure(.badData, "tokenizer.model", "the limit for such a file is 67108864.") {
            _ = try Checkpoint.open(directory).tokenizerModel()
        }
    }

    @Test func stateSurvivesWithoutOptionalFields() throws {
        sample.state = CheckpointState(step: 0, consumedSamples: 0)
        #expect(try sample.commit().state == sample.state)
        sample.state.validationLoss = .nan
        let reread = try CheckpointState(parsing: Array(sample.state.text.utf8), source: "state")
        #expect(reread.validationLoss == nil)
    }

    /// Checkpoints from before the metric could be chosen only record the validation loss.
    @Test func readsOlderStates() throws {
        let text =
            #"{"step":1,"consumed_samples":2,"tokens":3,"skipped_steps":0,"validation_loss":2.5,"#
            + #""best_validation_loss":1.5,"loss_scaler":null}"#
        let state = try CheckpointState(parsing: Array(text.utf8), source: "state")
        #expect(state.watched == .init(name: "validation_loss", value: 2.5, best: 1.5, reference: 1.5))
        // They do not have the counters of spikes and rollbacks either.
        #expect((state.spikeSkips, state.skipsInARow, state.returns) == (0, 0, 0))
        let trend = text.dropLast() + #","loss_trend":{"count":60,"mean":2.5,"variance":0.25}}"#
        #expect(
            try CheckpointState(parsing: Array(trend.utf8), source: "state").lossTrend
                == .init(count: 60, mean: 2.5, variance: 0.25, spikesInARow: 0))
    }

    @Test func spikeCountersReadBack() throws {
        sample.state = CheckpointState(
            step: 400, consumedSamples: 6400, skippedSteps: 9,
            lossTrend: .init(count: 60, mean: 2.5, variance: 0.25, spikesInARow: 3), spikeSkips: 5, skipsInARow: 2,
            returns: 7)
        #expect(try sample.commit().state == sample.state)
    }

    @Test(arguments: [
        ("{}", "step"), ("[]", "step"), (#"{"step":-1}"#, "step: found -1; expected"),
        (#"{"step":1.5}"#, "step: found 1.5; expected"),
        (#"{"step":1,"consumed_samples":"2"}"#, "consumed_samples: found \"2\"; expected"), ("{", "malformed JSON"),
        (
            #"{"step":1,"consumed_samples":2,"tokens":3,"skipped_steps":0,"validation_loss":null,"#
                + #""best_validation_loss":null,"loss_scaler":{"scale":0}}"#, "loss_scaler: scale: found 0; expected"
        ),
        // Counters from which the run would continue until they overflow.
        (
            #"{"step":1,"consumed_samples":2,"tokens":3,"skipped_steps":0,"validation_loss":null,"watched":null,"#
                + #""loss_scaler":{"scale":2,"clean_steps":9223372036854775807,"hysteresis_left":2}}"#,
            "an implausibly large counter: 9223372036854775807"
        ),
        (
            #"{"step":9,"consumed_samples":2,"tokens":3,"skipped_steps":1,"skips_in_a_row":2,"validation_loss":null,"#
                + #""loss_scaler":null,"watched":null}"#, "the counters are inconsistent"
        ),
        (
            #"{"step":1,"consumed_samples":2,"tokens":3,"skipped_steps":0,"returns":4611686018427387904,"#
                + #""validation_loss":null,"loss_scaler":null,"watched":null}"#,
            "an implausibly large counter: 4611686018427387904"
        ),
        (
            #"{"step":1,"consumed_samples":2,"tokens":3,"skipped_steps":0,"validation_loss":null,"loss_scaler":null,"#
                + #""watched":{"name":"a","value":null,"best":null,"reference":null,"#
                + #""evaluations_without_improvement":4611686018427387904}}"#,
            "an implausibly large counter: 4611686018427387904"
        ),
    ])
    func rejectsInvalidState(text: String, finding: String) {
        expectFailure(.badData, "state", finding) {
            _ = try CheckpointState(parsing: Array(text.utf8), source: "state")
        }
    }

    @Test func verificationReportsItsProgress() throws {
        let committed = try sample.commit()
        var calls: [(done: Int, total: Int)] = []
        #expect(try committed.verify { calls.append(($0, $1)) } == committed.digest)
        let total = committed.manifest.files.filter { $0.name != "state.json" }.reduce(0) { $0 + $1.size }
        #expect(calls.allSatisfy { $0.total == total })
        #expect(calls.map(\.done) == calls.map(\.done).sorted())
        #expect(calls.last?.done == total)
    }

    /// Flips one bit in every byte of the small files, and in sampled bytes of the large one.
    @Test(arguments: ["manifest.json", "state.json", "model.safetensors", "optimizer-adamw.safetensors"])
    func reportsFileOfEveryFlippedBit(name: String) throws {
        let directory = try sample.commit().directory
        let path = directory + "/" + name
        let size = try File(path, .read).size()
        let stride = size > 100_000 ? 99_991 : 1
        for offset in [size - 1] + Array(Swift.stride(from: 0, to: size, by: stride)) {
            try flipBit(path, at: offset)
            expectFailure(.badData, name) { try Checkpoint.open(directory).verify() }
            try flipBit(path, at: offset)
        }
        try Checkpoint.open(directory).verify()
    }

    @Test(arguments: ["manifest.json", "state.json", "model.safetensors", "optimizer-adamw.safetensors"])
    func reportsMissingResizedOrLinkedFile(name: String) throws {
        let directory = try sample.commit().directory
        let path = directory + "/" + name
        let bytes = try FileSystem.contents(of: path)
        for damaged in [bytes + [0x20], bytes.dropLast()] {
            try File(path, .create).write(Array(damaged))
            expectFailure(.badData, name) { _ = try Checkpoint.open(directory) }
        }
        try File(path, .create).write(bytes)
        try Checkpoint.open(directory).verify()

        let elsewhere = sample.run.path + "/elsewhere"
        try FileSystem.rename(path, to: elsewhere)
        expectFailure(.badData, name) { _ = try Checkpoint.open(directory) }
        try #require(symlink(elsewhere, path) == 0)
        expectFailure(.badData, name, "symbolic link") { _ = try Checkpoint.open(directory) }
    }

    @Test func loadingRequiresExactlyTheStoredTensors() throws {
        let committed = try sample.commit()
        let room = Memory(byteCount: 48)
        let weight = TensorDestination(name: "wte.weight", type: .float32, shape: [3, 4], bytes: room.buffer)
        expectFailure(.badData, "model.safetensors", "wte.bias", "configuration") {
            try committed.loadTensors("model.safetensors", into: [weight])
        }
        let moment = TensorDestination(name: "variance", type: .float32, shape: [12], bytes: room.buffer)
        expectFailure(.badData, "optimizer-sgd.safetensors", "optimizer-adamw.safetensors") {
            try committed.loadTensors("optimizer-sgd.safetensors", into: [moment])
        }
    }
}

/// A change of the sample that may or may not affect its digest.
struct Change: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let apply: @Sendable (SampleRun) -> Void

    init(_ name: String, _ apply: @escaping @Sendable (SampleRun) -> Void) {
        testDescription = name
        self.apply = apply
    }
}

struct CheckpointDigestTests {
    /// The expected value was computed by an independent implementation in Python with xxhash.
    @Test func digestMatchesReferenceImplementation() throws {
        #expect(try SampleRun().commit().digest == "62601ea3238455a3ff8ae510bc336bfe")
    }

    @Test(arguments: [
        Change("a bit of a weight") { $0.weights.buffer[17] ^= 1 },
        Change("a bit of a moment") { $0.moments.buffer[47] ^= 0x80 },
        Change("a name") { $0.weightName = "wte.weighs" },
        Change("a shape") { $0.weightShape = [4, 3] },
        Change("a shape's rank") { $0.weightShape = [12] },
        Change("the step") { $0.state.step += 1 },
        Change("the samples") { $0.state.consumedSamples += 1 },
        Change("the skipped steps") { $0.state.skippedSteps += 1 },
        Change("the scale") { $0.state.lossScaler?.scale = 32768 },
        Change("the clean steps") { $0.state.lossScaler?.cleanSteps += 1 },
        Change("the hysteresis") { $0.state.lossScaler?.hysteresisLeft = 1 },
        Change("the scaler") { $0.state.lossScaler = nil },
    ])
    func digestChangesWith(change: Change) throws {
        let sample = SampleRun()
        let before = try sample.commit().digest
        change.apply(sample)
        let after = try sample.commit()
        #expect(after.digest != before)
        #expect(try Checkpoint.open(after.directory).verify() == after.digest)
        withExtendedLifetime(sample) {}
    }

    @Test(arguments: [
        Change("the skipped steps in a row") { $0.state.skipsInARow = 1 },
        Change("the spikes") { $0.state.spikeSkips = 1 },
        Change("the returns") { $0.state.returns = 1 },
        Change("the validation loss") { $0.state.validationLoss = nil },
        Change("the watched metric") { $0.state.watched = nil },
        Change("the identity") { $0.identity = [:] },
    ])
    func digestDoesNotChangeWith(change: Change) throws {
        let sample = SampleRun()
        let before = try sample.commit().digest
        change.apply(sample)
        #expect(try sample.commit().digest == before)
    }

    @Test func digestDoesNotDependOnTensorOrder() throws {
        let sample = SampleRun()
        let reordered = sample.files.reversed().map { (name: $0.name, tensors: Array($0.tensors.reversed())) }
        let other = try Checkpoint.commit(
            run: sample.run, state: sample.state, program: "other", identity: [:], files: reordered)
        #expect(try sample.commit().digest == other.digest)
    }
}
