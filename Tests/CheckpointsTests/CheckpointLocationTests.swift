import Failures
import Files
import TestSupport
import Testing

@testable import Checkpoints

/// Paths by which a user can name a checkpoint.
struct CheckpointLocationTests {
    private let sample = SampleRun()
    private let retention = Retention(keepLast: 1, keepBest: 1)

    /// Commits three checkpoints, of which the second is the best.
    private func commitThree() throws {
        for (step, loss) in [(100, 3.0), (200, 1.0), (300, 2.0)] { try sample.commit(step: step, validationLoss: loss) }
    }

    @Test func runFindsNewestAndMarkerFindsBest() throws {
        try commitThree()
        let run = sample.run
        #expect(try run.markBest(retention)?.step == 200)
        let named = [
            (run.path, 300), (run.path + "/", 300), (run.path + "///", 300), (run.best, 200),
            (run.checkpoints + "/step-00000100", 100), (run.checkpoints + "/step-00000100/", 100),
        ]
        for (path, step) in named {
            let found = try Checkpoint.find(path)
            #expect(found.checkpoint.step == step && found.notes.isEmpty, "\(path)")
            #expect(try Checkpoint.find(path, verifying: false).checkpoint.step == step)
        }
    }

    @Test func skipsDamagedCheckpointOfRun() throws {
        try commitThree()
        try flipBit(sample.run.checkpoints + "/step-00000300/model.safetensors", at: 200)
        let found = try Checkpoint.find(sample.run.path)
        #expect(found.checkpoint.step == 200)
        #expect(found.notes.count == 1 && found.notes[0].hasSuffix("Falling back to step-00000200."))
        // The checks of `open` do not detect the damage.
        #expect(try Checkpoint.find(sample.run.path, verifying: false).checkpoint.step == 300)
    }

    /// The path of a file of a checkpoint, of any size, is rejected with the directory.
    @Test func errorForCheckpointFileNamesDirectory() throws {
        try sample.commit(step: 100)
        let directory = sample.run.checkpoints + "/step-00000100"
        for name in ["model.safetensors", "manifest.json", "state.json"] {
            expectFailure(
                .badData,
                "\(directory)/\(name): is a file of a checkpoint. Name the checkpoint's directory: \(directory)"
            ) {
                _ = try Checkpoint.find("\(directory)/\(name)")
            }
        }
    }

    /// Only training can start from scratch: other commands do not suggest it.
    @Test func suggestsNoRestartOutsideTraining() throws {
        try sample.commit(step: 100)
        try flipBit(sample.run.checkpoints + "/step-00000100/state.json", at: 5)
        let failure = try #require(#expect(throws: Failure.self) { _ = try Checkpoint.find(sample.run.path) })
        #expect(failure.message.contains("none of its checkpoints is valid. Restore one from a copy.\n"), "\(failure)")
    }

    @Test func rejectsPathsWithoutCheckpoint() throws {
        let run = sample.run
        expectFailure(.badData, "\(run.path): there is no such file or directory.") {
            _ = try Checkpoint.find(run.path)
        }
        expectFailure(.badData, "nowhere: there is no such file or directory.") { _ = try Checkpoint.open("nowhere") }
        try run.create()
        expectFailure(.badData, "this run has no checkpoint yet") { _ = try Checkpoint.find(run.path) }
        let other = sample.directory.file("other")
        try FileSystem.makeDirectory(other)
        expectFailure(.badData, "other: holds no manifest.json") { _ = try Checkpoint.find(other) }
        for text in [
            "", "checkpoints/../../step-00000100\n", "/etc/passwd\n", "a\nb\n", "checkpoints/step-\n",
            "checkpoints/step--1\n", "checkpoints/step-00000100\n\n",
        ] {
            try FileSystem.replaceContents(of: run.best, with: text)
            expectFailure(.badData, "best: is a file, but not a checkpoint marker") {
                _ = try Checkpoint.find(run.best)
            }
        }
        // The user may have written the marker.
        for text in ["checkpoints/step-00000100\n", "checkpoints/step-00000100", "checkpoints/step-100\n"] {
            try FileSystem.replaceContents(of: run.best, with: text)
            expectFailure(
                .badData, "best: names the checkpoint of step 100, but ",
                "checkpoints/step-00000100 does not exist. Name another checkpoint; dtrain checkpoint list "
            ) { _ = try Checkpoint.find(run.best) }
        }
        try commitThree()
        #expect(try Checkpoint.find(run.best).checkpoint.step == 100)
    }

    /// A checkpoint that was verified during the search is not read a second time.
    @Test func findAndVerifyReadEveryByteOnce() throws {
        try commitThree()
        for (path, verifying) in [
            (sample.run.path, true), (sample.run.path, false), (sample.run.checkpoints + "/step-00000100", true),
        ] {
            var (bytes, total) = (0, 0)
            let progress = { (done: Int, all: Int) in
                if done == all { bytes += all }
                total = all
            }
            try Checkpoint.find(path, verifying: verifying, progress: progress).verify(progress: progress)
            #expect(bytes == total && total > 1 << 20, "\(path), \(verifying)")
        }
    }

    /// For a checkpoint in a run directory, the configuration of the run is found.
    @Test func runConfigurationIsFoundInRunDirectory() throws {
        let checkpoint = try sample.commit()
        #expect(checkpoint.runConfiguration == nil)
        try FileSystem.replaceContents(of: sample.run.configuration, with: "")
        #expect(checkpoint.runConfiguration == sample.run.configuration)
        let copy = sample.directory.file("copy")
        try FileSystem.rename(checkpoint.directory, to: copy)
        #expect(try Checkpoint.open(copy).runConfiguration == nil)
    }

    /// A checkpoint with values that are not finite is skipped, even if its hashes are valid.
    @Test func skipsNonFiniteCheckpoints() throws {
        try commitThree()
        sample.weights.buffer.storeBytes(of: Float.nan, toByteOffset: 20, as: Float.self)
        sample.moments.buffer.storeBytes(of: Float.infinity, toByteOffset: 4, as: Float.self)
        let broken = try sample.commit(step: 400)
        let words =
            "\(broken.directory)/model.safetensors: is intact, but tensor wte.weight: element 5 of F32 [3, 4] is infinite or "
            + "not a number"
        expectFailure(.badData, words, "use an earlier checkpoint") { try broken.verify() }
        let found = try Checkpoint.find(sample.run.path)
        #expect(found.checkpoint.step == 300)
        #expect(found.notes.count == 1 && found.notes[0].hasSuffix("Falling back to step-00000300."))
        // A changed byte is the first thing to know.
        try flipBit(broken.directory + "/optimizer-adamw.safetensors", at: 2000)
        expectFailure(.badData, "optimizer-adamw.safetensors: its XXH3-128 is ") { try broken.verify() }
    }

    /// If values are equal, the newer checkpoint is the best, as for retention; without values there is no marker.
    @Test func markerFollowsBestCheckpoint() throws {
        let run = sample.run
        for (step, loss) in [(100, nil), (200, 1.0), (300, 1.0), (400, nil)] as [(Int, Double?)] {
            try sample.commit(step: step, validationLoss: loss)
        }
        #expect(try run.markBest(retention)?.step == 300)
        let higher = Retention(keepLast: 1, keepBest: 1, metric: "validation_accuracy", isBetterHigher: true)
        #expect(try run.markBest(higher) == nil && !FileSystem.exists(run.best))
        sample.state.watched?.name = "validation_accuracy"
        for (step, accuracy) in [(500, 0.5), (600, 0.75), (700, 0.25)] {
            try sample.commit(step: step, validationLoss: accuracy)
        }
        #expect(try run.markBest(higher)?.step == 600)
        try FileSystem.remove(run.checkpoints + "/step-00000600")
        #expect(try run.markBest(higher)?.step == 500)
        #expect(try String(decoding: FileSystem.contents(of: run.best), as: UTF8.self) == "checkpoints/step-00000500\n")
    }
}
