import Datasets

/// How many threads a rank computes with, and what there is to say about it.
package struct ThreadPlan: Equatable, Sendable {
    let count: Int
    /// Whether no two threads of the machine need the same core.
    let hasCoreEach: Bool
    /// What a person should know, and do.
    let warning: String?

    /// How many ranks of `mpirun` compute faster than one process, and the same bits, on cores that one process has; nil where
    /// that is no more than one.
    ///
    /// Ranks of one thread each took 6 to 28 % less time a step than one process with as many threads (two cores, nano and
    /// gpt2-124m, `Benchmarks/README.md`): what threads cut up in every kernel, ranks share only once a step.
    package static func fasterRanks(_ wanted: ThreadCount, _ usable: UsableCores, slots: Int) -> Int? {
        let available = max(1, min(usable.cores.count, usable.quota ?? Int.max))
        let (most, usesAll) =
            switch wanted {
            // All cores are used by one process already, and have to be by the ranks.
            case .automatic: (min(available, slots), true)
            case .fixed(let threads): (min(available / threads, slots), false)
            }
        guard most >= 2 else { return nil }
        return (2...most).last {
            BatchPlan.isBitwise(slots: slots, worldSize: $0) && (!usesAll || available.isMultiple(of: $0))
        }
    }

    /// The plan of rank `rank`.
    ///
    /// - Parameter ranks: What each rank of the job may use.
    init(_ wanted: ThreadCount, ranks: [UsableCores], rank: Int) {
        let own = ranks[rank]
        let mates = ranks.filter { $0.machine == own.machine }
        // Ranks that share their cores and ranks that have some each: either way together they have these.
        let together = Set(mates.flatMap(\.cores)).count
        let limit = mates.compactMap(\.quota).min() ?? Int.max
        let available = max(1, min(together, limit))
        let automatic = max(1, min(available / mates.count, own.cores.count))
        switch wanted {
        case .automatic: count = automatic
        case .fixed(let wanted): count = wanted
        }
        hasCoreEach = count * mates.count <= available && count <= own.cores.count
        if wanted == .automatic || hasCoreEach {
            warning = nil
            return
        }
        let existing = min(own.machineCoreCount, limit)
        if count * mates.count > existing {
            let ranks = mates.count == 1 ? "" : " a rank, of \(mates.count) ranks,"
            warning =
                "threads: \(count)\(ranks) on \(existing) \(existing == 1 ? "core" : "cores"): they take turns, which "
                + "is slower than threads=\(max(1, existing / mates.count)), what auto takes where no rank is bound."
        } else {
            warning =
                "threads: \(count), but this rank is bound to \(own.cores.count) of \(existing) cores, where they take "
                + "turns. Start mpirun with --bind-to none, or after `. launch/env`, which sets that."
        }
    }
}
