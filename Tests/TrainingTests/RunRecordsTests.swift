import Checkpoints
import Datasets
import Failures
import Files
import Models
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Inference
@testable import Settings
@testable import Reporting
@testable import Tokenizers

/// Rank 0 with a failing disk, simulated by a file in place of the checkpoints directory.
struct RunRecordsTests {
    private let directory = TemporaryDirectory()
    private var run: RunDirectory { RunDirectory(directory.file("run")) }
    private let layout: ParameterLayout
    private let arena: Arena<Float>

    private static let sizes = ModelSizes(vocabularySize: 31, contextLength: 8)
    private static let tiny = ["model.layers=1", "model.heads=2", "model.width=16"]

    init() throws {
        layout =
            Transformer<Float>(
                try Configuration.load(file: nil, sets: RunRecordsTests.tiny).model, RunRecordsTests.sizes
            ).layout
        arena = Arena<Float>(count: layout.count)
    }

    private func records(background: Bool, keepLast: Int = 10) throws -> RunRecords {
        let sets = ["training.background_checkpoints=\(background)", "training.keep_last=\(keepLast)"]
        let configuration = try Configuration.load(file: nil, sets: RunRecordsTests.tiny + sets)
        let facts = DatasetFacts(textWith: ByteTokenizer().description)
        let identity = RunIdentity(
            imported: configuration, RunRecordsTests.sizes, layout: layout, facts, tokenizerModel: [])
        return try RunRecords(run, identity, .none, Console(rank: 1))
    }

    /// A directory of another kind is rejected; before the first start, it may contain notes and other files of the
    /// user.
    @Test(arguments: [
        ("dataset.json", "a dataset"), ("manifest.json", "a checkpoint"), ("model.safetensors", "a transformers model"),
        ("pytorch_model.bin", "a transformers model"), ("notes.md", nil), ("config.json", nil), ("base.yaml", nil),
    ])
    func rejectsDirectoriesOfOtherKinds(name: String, kind: String?) throws {
        try FileSystem.makeDirectory(run.path)
        try FileSystem.replaceContents(of: "\(run.path)/\(name)", with: "theirs")
        if let kind {
            expectFailure(.usage, "run.directory: \(run.path) is the directory of \(kind)", name, "--output DIR") {
                _ = try records(background: false)
            }
            #expect(try FileSystem.list(run.path) == [name])
        } else {
            _ = try records(background: false)
            #expect(try FileSystem.list(run.path).contains(name))
        }
    }

    /// A rejected start leaves no directory, and no parents.
    @Test func rejectedStartLeavesNoFiles() throws {
        let deep = RunDirectory(directory.file("a/b/run"))
        expectFailure(.badData, "no") {
            let configuration = try Configuration.load(file: nil, sets: RunRecordsTests.tiny)
            let identity = RunIdentity(
                imported: configuration, RunRecordsTests.sizes, layout: layout,
                DatasetFacts(textWith: ByteTokenizer().description), tokenizerModel: [])
            _ = try RunRecords(deep, identity, .none, Console(rank: 1)) { () throws(Failure) in
                throw Failure(.badData, "no")
            }
        }
        #expect(try FileSystem.list(directory.path) == [])
    }

    private func save(_ records: RunRecords, _ step: Int, isLast: Bool = false) throws {
        try records.log(["step": .integer(step)])
        arena.base.update(repeating: Float(step), count: arena.count)
        try records.save(
            CheckpointState(step: step, consumedSamples: step),
            [(modelFileName, NamedArena(arena, layout).sources)], isLast: isLast)
        // Training continues after the save; the changed weights must not be saved.
        arena.base.update(repeating: -1, count: arena.count)
    }

    /// The class that the starting weights were imported as is in every checkpoint of the run.
    @Test func checkpointsRememberTheOrigin() throws {
        let configuration = try Configuration.load(file: nil, sets: RunRecordsTests.tiny)
        let identity = RunIdentity(
            imported: configuration, RunRecordsTests.sizes, layout: layout,
            DatasetFacts(textWith: ByteTokenizer().description), tokenizerModel: [])
        let origin = ModelOrigin(
            className: "MistralForCausalLM", generation: [JSON.Member("forced_bos_token_id", .integer(7))])
        let records = try RunRecords(run, identity, .none, Console(rank: 1)) { () throws(Failure) in origin }
        try save(records, 3, isLast: true)
        let checkpoint = try #require(try Checkpoint.newestValid(run)).checkpoint
        #expect(try CheckpointIdentity(checkpoint).origin == origin)
    }

    /// Replaces the checkpoints directory by a file, or restores it.
    private func setDiskWorks(_ works: Bool) throws {
        if works {
            try FileSystem.removeFile(run.checkpoints)
            try FileSystem.rename(directory.file("aside"), to: run.checkpoints)
        } else {
            try FileSystem.rename(run.checkpoints, to: directory.file("aside"))
            try FileSystem.replaceContents(of: run.checkpoints, with: "no directory")
        }
    }

    /// The steps of the valid checkpoints; checks that each has the weights of its step.
    private func steps() throws -> [Int] {
        try Checkpoint.list(run).map { listing in
            let checkpoint = try listing.result.get()
            try checkpoint.verify()
            let found = Arena<Float>(count: layout.count)
            try checkpoint.loadTensors(modelFileName, into: NamedArena(found, layout).destinations)
            for parameter in layout.parameters {
                #expect(found.base[parameter.offset] == Float(checkpoint.step))
            }
            return checkpoint.step
        }
    }

    @Test(arguments: [true, false])
    func savesStateAtTimeOfCall(background: Bool) throws {
        let records = try records(background: background, keepLast: 2)
        for step in 1...4 { try save(records, step) }
        try save(records, 5, isLast: true)
        #expect(try steps() == [4, 5])
        #expect(records.newestCheckpoint == run.checkpoints + "/step-00000005")
    }

    /// The last save is complete when it returns; other saves are complete when the next one returns or the records are
    /// freed.
    @Test func savesAreCompletedInTheEnd() throws {
        do {
            let records = try records(background: true)
            try save(records, 1)
            try save(records, 2)
            #expect(try Checkpoint.list(run).first?.step == 1)
        }
        #expect(try steps() == [1, 2])
    }

    @Test(arguments: [true, false])
    func nextSaveRetriesFailedOne(background: Bool) throws {
        let records = try records(background: background)
        try save(records, 1)
        try save(records, 2, isLast: true)
        try setDiskWorks(false)
        try save(records, 3)
        try save(records, 4)
        // This save waits for the one before.
        expectFailure(.inputOutput) { try save(records, 5, isLast: true) }
        try setDiskWorks(true)
        #expect(try steps() == [1, 2])
        try save(records, 6)
        try save(records, 7, isLast: true)
        #expect(try steps() == [1, 2, 6, 7])
        #expect(try FileSystem.list(run.checkpoints).count == 4)
        let lines = try FileSystem.contents(of: run.metrics).split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 7)
    }

    @Test(arguments: [true, false])
    func lastSaveMustSucceed(background: Bool) throws {
        let records = try records(background: background)
        try save(records, 1, isLast: true)
        try setDiskWorks(false)
        expectFailure(
            .inputOutput, "step 2: the last checkpoint could not be written: ", "could not create the directory",
            "After fixing this, repeat the same command without --resume none; it resumes from "
                + "\(run.checkpoints)/step-00000001."
        ) { try save(records, 2, isLast: true) }
        try setDiskWorks(true)
        #expect(try steps() == [1])
    }

    /// A rejected start changes no files that do not belong to the run.
    @Test func keepsDirectoriesThatHaveTheNameOfAFile() throws {
        do { _ = try records(background: false) }
        for path in [run.outcome, run.best, run.trace(rank: 0)] {
            try FileSystem.makeDirectory(path + "/mine")
            expectFailure(.inputOutput, "\(path): is a directory") { _ = try records(background: false) }
            #expect(FileSystem.isDirectory(path + "/mine"))
            try FileSystem.remove(path)
        }
        _ = try records(background: false)
    }

    /// Older checkpoints are removed even if the best one cannot be marked.
    @Test func retentionDoesNotDependOnTheMarker() throws {
        let records = try records(background: false, keepLast: 1)
        try FileSystem.makeDirectory(run.best + "/mine")
        for step in 1...3 { try save(records, step, isLast: step == 3) }
        #expect(try steps() == [3])
        #expect(FileSystem.isDirectory(run.best + "/mine"))
    }

    @Test func otherFailuresAreThrown() throws {
        let records = try records(background: true)
        let gone = TensorSource(name: "a", type: .uint8, shape: [1]) { _ throws(Failure) in
            throw Failure(.internalError, "a rank is gone")
        }
        expectFailure(.internalError, "a rank is gone") {
            try records.save(
                CheckpointState(step: 1, consumedSamples: 1), [("a.safetensors", [gone])], isLast: false)
        }
        #expect(try steps() == [])
    }
}
