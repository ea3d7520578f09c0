import Datasets
import Failures

/// The number of compute threads of a rank, and a warning if it is not a good choice.
package struct ThreadPlan: Equatable, Sendable {
    let count: Int
    /// Whether every thread of the job on this machine has a core for itself.
    let hasCoreEach: Bool
    /// The problem and its remedy; nil if there is no problem.
    let warning: String?

    /// The largest number of `mpirun` ranks that compute faster than one process on the same cores, with bit-identical
    /// results; nil if there is none above 1.
    ///
    /// Ranks of one thread each needed 6 to 28 % less time per step than one process with as many threads (two cores,
    /// nano and gpt2-124m, `Benchmarks/README.md`): threads synchronize in every kernel, ranks only once per step.
    package static func fasterRanks(_ wanted: ThreadCount, _ usable: UsableCores, slots: Int) -> Int? {
        let available = max(1, min(usable.cores.count, usable.quota?.cores ?? Int.max))
        let (most, usesAll) =
            switch wanted {
            // One process uses all cores; the ranks must use all of them too.
            case .automatic: (min(available, slots), true)
            case .fixed(let threads): (min(available / threads, slots), false)
            }
        guard most >= 2 else { return nil }
        return (2...most).last {
            BatchPlan.isBitwise(slots: slots, worldSize: $0) && (!usesAll || available.isMultiple(of: $0))
        }
    }

    /// Creates the plan of rank `rank`.
    ///
    /// - Parameter ranks: The cores that each rank of the job may use.
    init(_ wanted: ThreadCount, ranks: [UsableCores], rank: Int) {
        let own = ranks[rank]
        let mates = ranks.filter { $0.machine == own.machine }
        // The union is correct both for ranks that share their cores and for ranks that are bound to separate ones.
        let together = Set(mates.flatMap(\.cores)).count
        // A limit is divided among the ranks of its control group only: other containers have their own.
        let group = own.quota.map { quota in mates.filter { $0.quota?.group == quota.group } } ?? mates
        let limit = min(own.quota?.cores ?? Int.max, own.machineCoreCount)
        let automatic = max(1, min(together / mates.count, limit / group.count, own.cores.count))
        let threads =
            switch wanted {
            case .automatic: automatic
            case .fixed(let wanted): wanted
            }
        func fit(_ available: Int) -> Bool { threads * mates.count <= available && threads * group.count <= limit }
        count = threads
        hasCoreEach = fit(max(1, together)) && count <= own.cores.count
        if wanted == .automatic || hasCoreEach {
            warning = nil
            return
        }
        if !fit(own.machineCoreCount) {
            let (existing, sharers) =
                count * group.count > limit ? (limit, group.count) : (own.machineCoreCount, mates.count)
            let ranks = sharers == 1 ? "" : " per rank, \(sharers) ranks,"
            warning =
                "threads: \(count)\(ranks) on \(counted(existing, "core")): threads compete for cores, "
                + "which is slower than threads=\(max(1, existing / sharers)), the value of auto for unbound ranks."
        } else {
            warning =
                "threads: \(count), but this rank is bound to \(own.cores.count) of \(counted(limit, "core")), on which "
                + "they compete. Start mpirun with --bind-to none, or after `. launch/env`, which sets that."
        }
    }
}
