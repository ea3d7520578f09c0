import Testing

@testable import Resources

@Suite struct CoreNeighboursTests {
    /// A rank in process `process`, bound to `cores` of 8 cores.
    private func rank(_ cores: [Int], process: Int, isBound: Bool = true, on machine: String = "a") -> UsableCores {
        UsableCores(machine: machine, cores: cores, quota: nil, machineCoreCount: 8, isBound: isBound, process: process)
    }

    private func process(_ identifier: Int, _ cores: String, state: String = "R (running)") throws -> RunningProcess {
        try #require(
            RunningProcess(
                status:
                    "Name:\tdtrain\nUmask:\t0022\nState:\t\(state)\nPid:\t\(identifier)\nCpus_allowed_list:\t\(cores)\n"
            ))
    }

    private func found(_ ranks: [UsableCores], rank: Int = 0, threads: Int = 1, among processes: [RunningProcess])
        -> Int?
    {
        CoreNeighbours.first(of: ranks, rank: rank, threads: threads, processes)?.identifier
    }

    /// Two jobs that mpirun binds to the same first core.
    @Test func reportsJobsOnTheSameCore() throws {
        let processes = [try process(10, "0"), try process(20, "0"), try process(30, "1")]
        #expect(found([rank([0], process: 20)], among: processes) == 10)
        #expect(found([rank([0], process: 10)], among: processes) == 20)
        #expect(found([rank([1], process: 30)], among: processes) == nil)
        // The second rank of a job, one of whose cores another job uses.
        let ranks = [rank([2, 3], process: 40), rank([4, 5], process: 41)]
        #expect(found(ranks, rank: 1, threads: 2, among: [try process(50, "4-5")]) == 50)
        #expect(found(ranks, rank: 1, threads: 2, among: [try process(50, "5")]) == 50)
    }

    @Test func ignoresUnrelatedProcesses() throws {
        // Ranks of the same job that share a core.
        let mates = [rank([0], process: 10), rank([0], process: 11)]
        #expect(found(mates, among: [try process(10, "0"), try process(11, "0")]) == nil)
        // A rank that is not bound, and another job that is not bound.
        #expect(
            found([rank(Array(0..<8), process: 10, isBound: false)], threads: 8, among: [try process(20, "0-7")]) == nil
        )
        #expect(found([rank([0], process: 10)], among: [try process(20, "0-7")]) == nil)
        // Other cores; and enough cores for all threads.
        #expect(found([rank([0], process: 10)], among: [try process(20, "1-3,5")]) == nil)
        #expect(found([rank([0, 1, 2, 3], process: 10)], threads: 2, among: [try process(20, "0-3")]) == nil)
        #expect(found([rank([0, 1, 2, 3], process: 10)], threads: 4, among: [try process(20, "0-3")]) == 20)
        // Processes that have ended or are stopped.
        for state in ["Z (zombie)", "T (stopped)", "t (tracing stop)", "X (dead)"] {
            #expect(found([rank([0], process: 10)], among: [try process(20, "0", state: state)]) == nil, "\(state)")
        }
        // Process ids on another machine are unrelated.
        #expect(found([rank([0], process: 10), rank([0], process: 20, on: "b")], among: [try process(20, "0")]) == 20)
    }

    @Test func parsesProcessStatus() throws {
        #expect(RunningProcess(status: "Name:\tdtrain\nState:\tR\n") == nil)
        #expect(RunningProcess(status: "") == nil)
        #expect(try process(7, "0-1,4").cores == [0, 1, 4])
        #expect(!RunningProcess.ofThisProgram().isEmpty)
        let line = CoreNeighbours.warning(rank: 3, cores: [4, 5], host: "here", try process(7, "4-5"))
        #expect(line.hasPrefix("rank 3 on here is bound to cores 4, 5, and so is process 7 of another dtrain job"))
    }
}
