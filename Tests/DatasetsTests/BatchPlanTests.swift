import Datasets
import Failures
import TestSupport
import Testing

@Suite struct BatchPlanTests {
    @Test(arguments: [
        (1, [1]), (2, [1, 2]), (3, [1, 3]), (4, [1, 2, 4]), (6, [1, 3, 6]), (8, [1, 2, 4, 8]), (12, [1, 3, 6, 12]),
    ])
    func slotsDecideTheWorldSizes(slots: Int, allowed: [Int]) {
        for ranks in 1...(2 * slots + 1) {
            func plan() throws { _ = try BatchPlan(sequences: slots, slots: slots, rank: 0, worldSize: ranks) }
            if allowed.contains(ranks) {
                #expect(throws: Never.self) { try plan() }
            } else {
                expectFailure(.usage, "batch.slots is \(slots): it works with 1") { try plan() }
            }
        }
    }

    @Test func wrongWorldSizeSaysTheRightOnes() {
        expectFailure(.usage, "mpirun -np 3: batch.slots is 4: it works with 1, 2 or 4 ranks.") {
            _ = try BatchPlan(sequences: 4, slots: 4, rank: 0, worldSize: 3)
        }
        expectFailure(.usage, "it works with 1 rank.") {
            _ = try BatchPlan(sequences: 4, slots: 1, rank: 0, worldSize: 2)
        }
    }

    @Test(arguments: [
        (12, 5, 2, "batch.slots is 5"), (12, 0, 1, "batch.slots is 0"), (10, 4, 2, "batch.sequences is 10"),
        (0, 4, 2, "batch.sequences is 0"), (12, -2, 2, "batch.slots is -2"),
    ])
    func aBatchThatCannotBeDividedIsRefused(sequences: Int, slots: Int, worldSize: Int, found: String) {
        expectFailure(.usage, found) {
            _ = try BatchPlan(sequences: sequences, slots: slots, rank: 0, worldSize: worldSize)
        }
    }
}
