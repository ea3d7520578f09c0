import Testing

@testable import Resources

@Suite struct ThreadPlanTests {
    /// A rank that may use `cores` of a machine with `count` cores.
    private func rank(
        _ cores: Range<Int>, of count: Int, quota: Int? = nil, group: String = "1:2", on machine: String = "a"
    ) -> UsableCores {
        UsableCores(
            machine: machine, cores: Array(cores), quota: quota.map { ProcessorQuota(cores: $0, group: group) },
            machineCoreCount: count)
    }

    private func automatic(_ ranks: [UsableCores]) -> [Int] {
        ranks.indices.map { index in
            let plan = ThreadPlan(.automatic, ranks: ranks, rank: index)
            #expect(plan.warning == nil && (plan.hasCoreEach || plan.count == 1))
            return plan.count
        }
    }

    /// The advised number of ranks gives identical results and leaves no core idle; nil if more processes would not
    /// help.
    @Test(
        arguments: [
            (ThreadCount.automatic, 2, nil, 4, 2), (.automatic, 1, nil, 4, nil), (.automatic, 2, nil, 1, nil),
            (.automatic, 6, nil, 4, 3), (.automatic, 64, nil, 8, 8), (.automatic, 5, nil, 8, nil),
            (.automatic, 5, nil, 5, 5),
            (.automatic, 8, 2, 4, 2), (.automatic, 8, 1, 4, nil), (.fixed(1), 3, nil, 8, 2),
            (.fixed(2), 2, nil, 8, nil),
            (.fixed(2), 8, nil, 8, 4), (.fixed(1024), 8, nil, 8, nil),
        ] as [(ThreadCount, Int, Int?, Int, Int?)])
    func advisesNumberOfRanks(wanted: ThreadCount, cores: Int, quota: Int?, slots: Int, ranks: Int?) {
        #expect(ThreadPlan.fasterRanks(wanted, rank(0..<cores, of: cores, quota: quota), slots: slots) == ranks)
    }

    @Test func automaticDividesCoresAmongRanks() {
        #expect(automatic([rank(0..<2, of: 2)]) == [2])
        #expect(automatic([rank(0..<2, of: 2), rank(0..<2, of: 2)]) == [1, 1])
        #expect(automatic((0..<4).map { _ in rank(0..<2, of: 2) }) == [1, 1, 1, 1])
        #expect(automatic((0..<3).map { _ in rank(0..<16, of: 16) }) == [5, 5, 5])
        // Bound: each rank has its own cores.
        #expect(automatic([rank(0..<1, of: 2)]) == [1])
        #expect(automatic([rank(0..<4, of: 8), rank(4..<8, of: 8)]) == [4, 4])
        // Two machines.
        let ranks = [rank(0..<8, of: 8), rank(0..<4, of: 4, on: "b"), rank(0..<4, of: 4, on: "b")]
        #expect(automatic(ranks) == [8, 2, 2])
        // A container with a CPU limit.
        #expect(automatic([rank(0..<64, of: 64, quota: 6), rank(0..<64, of: 64, quota: 6)]) == [3, 3])
        // Two containers of one machine, each with its own limit: one rank in the first, two in the second.
        let first = rank(0..<64, of: 64, quota: 4, group: "1:7")
        let second = rank(0..<64, of: 64, quota: 6, group: "1:8")
        #expect(automatic([first, second, second]) == [4, 3, 3])
        // Their cores are limited, too.
        #expect(automatic([rank(0..<6, of: 6, quota: 4), rank(0..<6, of: 6, quota: 4, group: "1:8")]) == [3, 3])
    }

    /// A container's limit concerns its own ranks only.
    @Test func warnsWithinTheContainer() {
        let pods = ["1:7", "1:8", "1:9"].map { rank(0..<8, of: 8, quota: 4, group: $0) }
        #expect(ThreadPlan(.fixed(4), ranks: Array(pods.prefix(2)), rank: 0).warning == nil)
        #expect(
            ThreadPlan(.fixed(5), ranks: Array(pods.prefix(2)), rank: 0).warning?.hasPrefix("threads: 5 on 4 cores: ")
                == true)
        #expect(
            ThreadPlan(.fixed(4), ranks: pods, rank: 0).warning?.hasPrefix("threads: 4 per rank, 3 ranks, on 8 cores: ")
                == true)
    }

    @Test func warnsOfMoreThreadsThanCores() {
        let alone = ThreadPlan(.fixed(3), ranks: [rank(0..<2, of: 2)], rank: 0)
        #expect(alone.count == 3 && !alone.hasCoreEach)
        #expect(
            alone.warning
                == "threads: 3 on 2 cores: threads compete for cores, which is slower than threads=2, the value of auto "
                + "for unbound ranks.")
        let two = ThreadPlan(.fixed(2), ranks: [rank(0..<1, of: 2), rank(1..<2, of: 2)], rank: 0)
        #expect(two.warning?.hasPrefix("threads: 2 per rank, 2 ranks, on 2 cores: threads compete") == true)
        let limited = ThreadPlan(.fixed(4), ranks: [rank(0..<64, of: 64, quota: 2)], rank: 0)
        #expect(limited.warning?.hasPrefix("threads: 4 on 2 cores: threads compete") == true)
    }

    @Test func warnsOfBindingToTooFewCores() {
        let plan = ThreadPlan(.fixed(2), ranks: [rank(0..<1, of: 4)], rank: 0)
        #expect(plan.count == 2 && !plan.hasCoreEach)
        #expect(plan.warning?.hasPrefix("threads: 2, but this rank is bound to 1 of 4 cores") == true)
        #expect(plan.warning?.contains("--bind-to none") == true)
    }

    @Test func acceptsAsManyThreadsAsCores() {
        let plan = ThreadPlan(.fixed(2), ranks: [rank(0..<4, of: 4), rank(0..<4, of: 4)], rank: 1)
        #expect(plan == ThreadPlan(.automatic, ranks: [rank(0..<4, of: 4), rank(0..<4, of: 4)], rank: 1))
        #expect(plan.warning == nil && plan.hasCoreEach && plan.count == 2)
    }

    @Test func parsesCores() {
        #expect(UsableCores.processors("0-3,8\n") == [0, 1, 2, 3, 8])
        #expect(UsableCores.processors("\t5") == [5])
        #expect(UsableCores.processors("") == [])
        #expect(UsableCores.processors("3-1,x,-2,0-99999999999") == [2])
        let own = UsableCores.ofThisProcess()
        #expect(!own.cores.isEmpty && own.machineCoreCount >= own.cores.count)
        #expect(own.process > 0)
        let bound = UsableCores(machine: "a", cores: [7], quota: nil, machineCoreCount: 8, isBound: true, process: 12)
        for cores in [own, bound, rank(2..<5, of: 8), rank(2..<5, of: 8, quota: 3)] {
            #expect(UsableCores(line: cores.line) == cores)
        }
    }
}
