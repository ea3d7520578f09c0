import Files
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointDiscoveryTests {
    let sample = SampleRun()

    private func path(_ step: Int, _ name: String = "") -> String {
        sample.run.checkpoints + "/" + CheckpointName.name(.committed, step: step) + (name.isEmpty ? "" : "/" + name)
    }

    @Test func newRunHasNoCheckpoints() throws {
        #expect(try Checkpoint.list(sample.run).isEmpty)
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.step == nil)
        try sample.run.create()
        #expect(try Checkpoint.newestValid(sample.run)?.checkpoint.step == nil)
    }

    @Test func listsInStepOrderWithReasons() throws {
        for step in [100_000_000, 20, 3] { try sample.commit(step: step) }
        try FileSystem.remove(path(20, "manifest.json"))
        let listings = try Checkpoint.list(sample.run)
        #expect(listings.map(\.step) == [3, 20, 100_000_000])
        #expect(listings.map { $0.checkpoint != nil } == [true, false, true])
        expectFailure(.badData, "step-00000020", "no manifest.json") { _ = try listings[1].result.get() }
    }

    @Test func fallsBackWithReasons() throws {
        for step in [100, 200, 300, 400] { try sample.commit(step: step) }
        let damaged = path(400, "model.safetensors")
        try flipBit(damaged, at: try File(damaged, .read).size() - 1)
        try FileSystem.remove(path(300, "state.json"))
        let found = try #require(try Checkpoint.newestValid(sample.run))
        #expect(found.checkpoint.step == 200)
        #expect(found.notes.count == 2)
        #expect(found.notes[0].contains("step-00000400/model.safetensors: its XXH3-128 is"))
        #expect(found.notes[1].contains("step-00000300/state.json"))
        #expect(found.notes.allSatisfy { $0.hasSuffix("Falling back to step-00000200.") })
    }

    @Test func failsIfNoCheckpointIsValid() throws {
        for step in [100, 200] {
            try sample.commit(step: step)
            try flipBit(path(step, "state.json"), at: 5)
        }
        expectFailure(.badData, "none of its checkpoints is valid", "step-00000100", "step-00000200", "--resume none") {
            _ = try Checkpoint.newestValid(sample.run)
        }
    }

    @Test func ignoresLinkedCheckpoint() throws {
        try sample.commit(step: 100)
        try FileSystem.makeDirectory(sample.directory.file("elsewhere"))
        try FileSystem.rename(path(100), to: sample.directory.file("elsewhere/step-00000100"))
        try #require(symlink(sample.directory.file("elsewhere/step-00000100"), path(100)) == 0)
        let listing = try #require(try Checkpoint.list(sample.run).first)
        expectFailure(.badData, "step-00000100: is a symbolic link") { _ = try listing.result.get() }
        #expect(try Checkpoint.open(path(100)).step == 100, "Opened by name it is what the link leads to.")
    }

    @Test func rejectsRenamedCheckpoint() throws {
        try sample.commit(step: 100)
        try FileSystem.rename(path(100), to: path(900))
        let listing = try #require(try Checkpoint.list(sample.run).first)
        expectFailure(.badData, "step-00000900: holds a checkpoint of step 100") { _ = try listing.result.get() }
        #expect(try Checkpoint.open(path(900)).step == 100, "Opened by name it is what its manifest says.")
    }
}
