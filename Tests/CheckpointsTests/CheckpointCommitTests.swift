import Files
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointCommitTests {
    let sample = SampleRun()

    /// Performs the first `count` steps of a commit of the sample, as if the process had died after them.
    @discardableResult
    private func commit(stoppingAfter count: Int) throws -> CheckpointCommit {
        var commit = CheckpointCommit(
            run: sample.run, state: sample.state, program: "dtrain 0.0.0", identity: sample.identity,
            files: sample.files)
        for step in CheckpointCommit.Step.allCases.prefix(count) { try commit.perform(step) }
        return commit
    }

    private func change() {
        sample.weights.buffer[0] ^= 1
    }

    /// The number of steps after which the new checkpoint is the valid one.
    private static let publishedAfter = CheckpointCommit.Step.allCases.firstIndex(of: .publish)! + 1

    @Test(arguments: 0...CheckpointCommit.Step.allCases.count)
    func interruptedCommitKeepsEarlierCheckpoint(count: Int) throws {
        let earlier = try sample.commit(step: 300)
        change()
        sample.state.step = 400
        try commit(stoppingAfter: count)

        let found = try #require(try Checkpoint.newestValid(sample.run))
        #expect(found.notes.isEmpty)
        #expect(found.checkpoint.step == (count >= Self.publishedAfter ? 400 : 300))
        #expect((found.checkpoint.digest == earlier.digest) == (count < Self.publishedAfter))

        sample.state.step = 500
        try sample.commit()
        let expected = count >= Self.publishedAfter ? [300, 400, 500] : [300, 500]
        #expect(try Checkpoint.list(sample.run).compactMap(\.checkpoint?.step) == expected)
        #expect(try FileSystem.list(sample.run.checkpoints).count == expected.count, "No leftovers remain.")
    }

    @Test(arguments: 0...CheckpointCommit.Step.allCases.count)
    func interruptedReplacementKeepsOldOrNew(count: Int) throws {
        let old = try sample.commit()
        change()
        try commit(stoppingAfter: count)

        let found = try #require(try Checkpoint.newestValid(sample.run)).checkpoint
        #expect(found.step == 400)
        #expect((found.digest == old.digest) == (count < Self.publishedAfter))

        sample.state.step = 500
        try sample.commit()
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000400", "step-00000500"])
        let kept = try Checkpoint.open(sample.run.checkpoints + "/step-00000400")
        #expect(try kept.verify() == found.digest)
    }

    @Test func failedCommitRemovesItsFiles() throws {
        let earlier = try sample.commit(step: 300)
        // The file system rejects the second file's name after the first file has been written.
        let impossible = String(repeating: "x", count: 300) + ".safetensors"
        sample.state.step = 400
        expectFailure(.inputOutput, ".writing-step-00000400/xxx", "name too long") {
            try Checkpoint.commit(
                run: sample.run, state: sample.state, program: "", identity: [:],
                files: [sample.files[0], (impossible, sample.files[1].tensors)])
        }
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000300"])
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.digest == earlier.digest)
    }

    /// If the bytes read back from the disk differ from those written, the previous checkpoint remains and the new one
    /// is renamed.
    @Test(arguments: ["model.safetensors", "state.json", "manifest.json"])
    func renamesCheckpointThatDoesNotReadBack(file: String) throws {
        let earlier = try sample.commit(step: 300)
        change()
        sample.state.step = 400
        var commit = try commit(stoppingAfter: Self.publishedAfter)
        let damaged = commit.target + "/" + file
        try flipBit(damaged, at: try File(damaged, .read).size() / 2)
        expectFailure(.inputOutput, "step-00000400/\(file)", "check the disk", ".damaged-step-00000400") {
            try commit.perform(.readBack)
        }
        #expect(commit.committed == nil)
        #expect(try FileSystem.list(sample.run.checkpoints) == [".damaged-step-00000400", "step-00000300"])
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.digest == earlier.digest)
        try CheckpointCommit.tidy(sample.run.checkpoints, keepingDamaged: true)
        #expect(try FileSystem.list(sample.run.checkpoints).count == 2)

        try sample.commit()
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000300", "step-00000400"])
    }

    /// The same if the new checkpoint replaces one of the same step, even if the process dies before it is read back.
    @Test(arguments: [false, true])
    func restoresPredecessorOfDamagedCheckpoint(isReadBack: Bool) throws {
        let old = try sample.commit()
        change()
        var commit = try commit(stoppingAfter: Self.publishedAfter)
        try flipBit(commit.target + "/model.safetensors", at: 200)
        if isReadBack { expectFailure(.inputOutput) { try commit.perform(.readBack) } }
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.digest == old.digest)
        try CheckpointCommit.tidy(sample.run.checkpoints, keepingDamaged: isReadBack)
        #expect(try FileSystem.list(sample.run.checkpoints) == [".damaged-step-00000400", "step-00000400"])
        #expect(try Checkpoint.open(commit.target).verify() == old.digest)
    }

    @Test func reportsFullDiskBeforeWriting() throws {
        let earlier = try sample.commit(step: 300)
        sample.state.step = 400
        let huge = TensorSource(name: "huge", type: .uint8, shape: [1 << 52]) { _ in
            Issue.record("Its bytes were asked for.")
        }
        expectFailure(
            .inputOutput,
            "runs/sample/checkpoints: not enough disk space for the checkpoint of step 400: it needs 45035996",
            "MB are free",
            "keep_last"
        ) {
            try Checkpoint.commit(
                run: sample.run, state: sample.state, program: "", identity: [:],
                files: [sample.files[0], ("huge.safetensors", [huge])])
        }
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000300"])
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.digest == earlier.digest)
    }

    @Test func privateFilesAreReadableByOwnerOnly() throws {
        sample.tokenizerModel = [1, 2, 3]
        let committed = try sample.commit(isPrivate: true)
        for name in try FileSystem.list(committed.directory) {
            var status = stat()
            try #require(lstat(committed.directory + "/" + name, &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600, "\(name)")
        }
    }

    @Test func keepsForeignDirectories() throws {
        let names = [".writing-step-1", ".writing-notes", "best", "step-7", "step-00000001x"]
        for name in names { try FileSystem.makeDirectory(sample.run.checkpoints + "/" + name) }
        try sample.commit()
        try Retention(keepLast: 1, keepBest: 0).apply(to: sample.run)
        #expect(Set(try FileSystem.list(sample.run.checkpoints)).isSuperset(of: names))
        #expect(try Checkpoint.list(sample.run).map(\.name) == ["step-00000400"])
    }

    @Test(arguments: [
        ("step-00000400", 400), ("step-00000000", 0), ("step-99999999", 99_999_999), ("step-100000000", 100_000_000),
        (".replaced-step-00000400", 400), (".writing-step-00000400", 400), (".removing-step-00000400", 400),
        (".damaged-step-00000400", 400),
    ])
    func parsesDirectoryNames(name: String, step: Int) throws {
        let parsed = try #require(CheckpointName.parse(name))
        #expect(parsed.step == step)
        #expect(CheckpointName.name(parsed.role, step: step) == name)
    }

    @Test(arguments: [
        "step-400", "step-000000400", "step--0000400", "step-", "step-0000040a", "Step-00000400", "xstep-00000400",
        "step-99999999999999999999", "step-٠٠٠٠٠٤٠٠", "",
    ])
    func ignoresOtherNames(name: String) {
        #expect(CheckpointName.parse(name) == nil)
    }
}
