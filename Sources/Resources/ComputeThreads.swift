import Collectives
import Failures
import Files
import Glibc
import Reporting
import Texts
import Threads

/// The compute threads of this rank.
package enum ComputeThreads {
    /// Starts the requested number of threads, or one per available core. Collective: every rank calls it. Rank 0
    /// prints warnings.
    ///
    /// - Parameter sharesCores: Whether sharing cores with other jobs is intended, as in interleaved measurements of
    ///   two programs.
    /// - Throws: `AgreedFailure` with `usage` if the system grants a rank fewer threads than requested.
    package static func start(
        _ wanted: ThreadCount, _ communicator: any Communicator, _ console: Console, sharesCores: Bool = false
    ) throws {
        let lines = try communicator.gather(UsableCores.ofThisProcess().line)
        let all = try communicator.broadcast(lines.joined(separator: "\n"))
        let ranks = all.exactParts(at: "\n", omittingEmpty: true).map { UsableCores(line: $0) }
        let plan = ThreadPlan(wanted, ranks: ranks, rank: communicator.rank)
        if let warning = plan.warning { console.warn(warning) }
        if !sharesCores, ranks.contains(where: \.isBound) {
            try warnOfNeighbours(ranks, threads: plan.count, communicator, console)
        }
        try communicator.together { () throws(Failure) in try start(plan) }
    }

    /// Starts the requested number of threads, or one per available core, in a process without other ranks. Nothing is
    /// printed.
    ///
    /// - Throws: `usage` if the system grants fewer threads than requested.
    package static func startAlone(_ wanted: ThreadCount) throws(Failure) {
        try start(ThreadPlan(wanted, ranks: [UsableCores.ofThisProcess()], rank: 0))
    }

    private static func start(_ plan: ThreadPlan) throws(Failure) {
        let status = ThreadPool.shared.resize(to: plan.count, mayWaitBusily: plan.hasCoreEach)
        guard status == 0 else {
            throw Failure(
                .usage,
                "threads: found \(plan.count), but the system allows this process only \(ThreadPool.shared.count): "
                    + "\(String(cString: strerror(status))). Use fewer threads, or raise the limit (ulimit -u).")
        }
    }

    /// Prints one warning if a rank and a process of another job are bound to the same cores.
    private static func warnOfNeighbours(
        _ ranks: [UsableCores], threads: Int, _ communicator: any Communicator, _ console: Console
    ) throws {
        let (rank, own) = (communicator.rank, ranks[communicator.rank])
        let other =
            own.isBound
            ? CoreNeighbours.first(of: ranks, rank: rank, threads: threads, RunningProcess.ofThisProgram()) : nil
        let lines = try communicator.gather(
            other.map { CoreNeighbours.warning(rank: rank, cores: own.cores, host: hostName(), $0) } ?? "")
        if let line = lines.first(where: { !$0.isEmpty }) { console.warn(line) }
    }

    /// The job's ranks and this rank's threads, such as "2 ranks × 1 thread".
    package static func description(ranks: Int) -> String {
        let threads = ThreadPool.shared.count
        return "\(counted(ranks, "rank")) × \(counted(threads, "thread"))"
    }
}
