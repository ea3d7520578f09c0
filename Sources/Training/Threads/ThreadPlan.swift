/// How many threads a rank computes with, and what there is to say about it.
struct ThreadPlan: Equatable, Sendable {
    let count: Int
    /// Whether no two threads of the machine need the same core.
    let hasCoreEach: Bool
    /// What a person should know, and do.
    let warning: String?

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
