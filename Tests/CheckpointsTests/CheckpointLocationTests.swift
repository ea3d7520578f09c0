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

    @Test func runNamesNewestAndMarkerNamesBest() throws {
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

    @Test func rejectsPathsWithoutCheckpoint() throws {
        let run = sample.run
        expectFailure(.badData, "\(run.path): there is no such file or directory.") {
            _ = try Checkpoint.find(run.path)
        }
        expectFailure(.badData, "nowhere: there is no such file or directory.") { _ = try Checkpoint.open("nowhere") }
        try run.create()
        expectFailure(.badData, "is a run that has no checkpoint yet") { _ = try Checkpoint.find(run.path) }
        let other = sample.directory.file("other")
        try FileSystem.makeDirectory(other)
        expectFailure(.badData, "other: holds no manifest.json") { _ = try Checkpoint.find(other) }
        for text in ["", "checkpoints/step-00000100", "checkpoints/../../step-00000100\n", "/etc/passwd\n", "a\nb\n"] {
            try FileSystem.replaceContents(of: run.best, with: text)
            expectFailure(.badData, "best: is a file and no marker of a checkpoint") {
                _ = try Checkpoint.find(run.best)
            }
        }
        try FileSystem.replaceContents(of: run.best, with: "checkpoints/step-00000100\n")
        expectFailure(.badData, "best: names checkpoints/step-00000100, which is not there any more") {
            _ = try Checkpoint.find(run.best)
        }
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
