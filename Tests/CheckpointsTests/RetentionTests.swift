import Files
import Testing

@testable import Checkpoints

struct RetentionTests {
    /// The loss at each step; nil if it was not measured.
    private static let history: [(step: Int, loss: Double?)] = [
        (100, 3.0), (200, 1.0), (300, 2.0), (400, nil), (500, 2.0), (600, 2.5),
    ]

    @Test(arguments: [
        (1, 0, [100, 200, 300, 400, 500]),
        (3, 0, [100, 200, 300]),
        (6, 0, []), (100, 100, []),
        (1, 1, [100, 300, 400, 500]),
        (1, 2, [100, 300, 400]),  // 300 and 500 are equal: the newer is better
        (1, 3, [100, 400]),
        (1, 4, [100, 400]),  // the newest is among the best
        (1, 5, [400]), (1, 6, [400]),  // a checkpoint without a loss is never among the best
        (2, 1, [100, 300, 400]),
    ])
    func listsRemovableSteps(keepLast: Int, keepBest: Int, expected: [Int]) {
        let retention = Retention(keepLast: keepLast, keepBest: keepBest)
        #expect(retention.removable(Self.history) == expected)
        #expect(retention.removable(Self.history.reversed()) == expected)
    }

    @Test func removesAndReportsCheckpoints() throws {
        let sample = SampleRun()
        let retention = Retention(keepLast: 2, keepBest: 1)
        var removed: [[String]] = []
        for (step, loss) in [(100, 1.0), (200, 3.0), (300, 2.0), (400, nil), (500, 0.5)] {
            try sample.commit(step: step, validationLoss: loss)
            removed.append(try retention.apply(to: sample.run))
        }
        #expect(removed == [[], [], [], ["step-00000200"], ["step-00000100", "step-00000300"]])
        #expect(try FileSystem.list(sample.run.checkpoints) == ["step-00000400", "step-00000500"])
    }

    @Test func damagedCheckpointsAreNotCountedOrRemoved() throws {
        let sample = SampleRun()
        for step in [100, 200, 300, 400] { try sample.commit(step: step) }
        try FileSystem.remove(sample.run.checkpoints + "/step-00000400/state.json")
        #expect(try Retention(keepLast: 2, keepBest: 0).apply(to: sample.run) == ["step-00000100"])
        // The checkpoint just committed is kept although it is not the newest.
        #expect(try Retention(keepLast: 1, keepBest: 0).apply(to: sample.run, keeping: 200) == [])
        #expect(
            try FileSystem.list(sample.run.checkpoints) == ["step-00000200", "step-00000300", "step-00000400"])
    }

    @Test func nextCommitFinishesInterruptedRemoval() throws {
        let sample = SampleRun()
        try sample.commit(step: 100)
        let checkpoints = sample.run.checkpoints
        try FileSystem.rename(checkpoints + "/step-00000100", to: checkpoints + "/.removing-step-00000100")
        #expect(try Checkpoint.list(sample.run).isEmpty)
        try sample.commit(step: 200)
        #expect(try FileSystem.list(checkpoints) == ["step-00000200"])
    }
}
