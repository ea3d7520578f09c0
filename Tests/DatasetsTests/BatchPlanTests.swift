import Datasets
import TestSupport
import Testing

@Suite struct BatchPlanTests {
    @Test(arguments: [
        (1, [1]), (2, [1, 2]), (3, [1, 3]), (4, [1, 2, 3, 4]), (5, [1, 5]), (6, [1, 3, 5, 6]), (8, [1, 2, 4, 7, 8]),
        (12, [1, 3, 6, 11, 12]),
    ])
    func bitwiseWorldSizesDependOnSlots(slots: Int, same: [Int]) throws {
        for ranks in 1...slots {
            let plan = try BatchPlan(sequences: slots, slots: slots, rank: 0, worldSize: ranks)
            #expect(plan.isBitwise == same.contains(ranks))
            #expect(plan.bitwiseWorldSizes == same)
        }
    }

    /// Writes out the sum over micro-batches with parentheses: `isBitwise` is true exactly if the ranks' sums have the
    /// parentheses of the whole tree.
    @Test func isBitwiseMeansEqualSummationTrees() throws {
        func tree(_ leaves: [String]) -> String {
            if leaves.count == 1 { return leaves[0] }
            var split = 1
            while 2 * split < leaves.count { split *= 2 }
            return "(\(tree(Array(leaves[..<split])))\(tree(Array(leaves[split...]))))"
        }
        for slots in 1...17 {
            let leaves = (0..<slots).map { " \($0)" }
            for ranks in 1...slots {
                let plans = try (0..<ranks).map {
                    try BatchPlan(sequences: slots, slots: slots, rank: $0, worldSize: ranks)
                }
                let sum = tree(plans.map { tree(Array(leaves[$0.localSlots])) })
                #expect(plans[0].isBitwise == (sum == tree(leaves)), "\(slots) slots, \(ranks) ranks")
            }
        }
    }

    @Test func slotsAreDividedEvenlyAmongRanks() throws {
        for slots in 1...12 {
            for ranks in 1...slots {
                let plans = try (0..<ranks).map {
                    try BatchPlan(sequences: slots, slots: slots, rank: $0, worldSize: ranks)
                }
                #expect(plans.flatMap { Array($0.localSlots) } == Array(0..<slots))
                let counts = plans.map(\.localSlots.count)
                #expect(counts.min()! >= 1 && counts.max()! - counts.min()! <= 1)
                for plan in plans {
                    for slot in plan.localSlots { #expect(plan.rank(ofSlot: slot) == plan.rank) }
                }
            }
        }
    }

    @Test func rejectsMoreRanksThanSlots() {
        expectFailure(.usage, "mpirun -np 5: allowed: at most batch.slots (4) ranks.") {
            _ = try BatchPlan(sequences: 4, slots: 4, rank: 0, worldSize: 5)
        }
    }

    @Test(arguments: [
        (12, 5, 2, "batch.sequences is 12"), (12, 0, 1, "batch.slots is 0"), (10, 4, 2, "batch.sequences is 10"),
        (0, 4, 2, "batch.sequences is 0"), (12, -2, 2, "batch.slots is -2"),
    ])
    func rejectsIndivisibleBatch(sequences: Int, slots: Int, worldSize: Int, found: String) {
        expectFailure(.usage, found) {
            _ = try BatchPlan(sequences: sequences, slots: slots, rank: 0, worldSize: worldSize)
        }
    }
}
