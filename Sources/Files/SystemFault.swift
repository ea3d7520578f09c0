import Glibc
import Synchronization

/// Fault injection for tests: makes a system call or a memory allocation fail.
///
/// Nothing fails until `arm` is called; before that, a call costs one atomic load.
package enum SystemFault {
    /// The operations that can fail.
    package enum Call: String, CaseIterable, Sendable { case read, write, sync, rename, allocate }

    /// The number of calls up to and including the one that fails; 0: none will fail.
    private static let reads = Atomic(0)
    private static let writes = Atomic(0)
    private static let syncs = Atomic(0)
    private static let renames = Atomic(0)
    private static let allocations = Atomic(0)
    private static let reason = Atomic<Int32>(EIO)

    /// The injectable errors, by name.
    package static let errors: [String: Int32] = [
        "EIO": EIO, "ENOSPC": ENOSPC, "EDQUOT": EDQUOT, "EROFS": EROFS, "EACCES": EACCES, "ESTALE": ESTALE,
    ]

    /// Makes the `number`-th call after this one fail with `error`, once.
    package static func arm(_ call: Call, number: Int, error: Int32) {
        reason.store(error, ordering: .relaxed)
        switch call {
        case .read: reads.store(number, ordering: .relaxed)
        case .write: writes.store(number, ordering: .relaxed)
        case .sync: syncs.store(number, ordering: .relaxed)
        case .rename: renames.store(number, ordering: .relaxed)
        case .allocate: allocations.store(number, ordering: .relaxed)
        }
    }

    /// Counts one call. Returns whether it must fail; `errno` is then set.
    package static func strikes(_ call: Call) -> Bool {
        switch call {
        case .read: count(reads)
        case .write: count(writes)
        case .sync: count(syncs)
        case .rename: count(renames)
        case .allocate: count(allocations)
        }
    }

    private static func count(_ left: borrowing Atomic<Int>) -> Bool {
        guard left.load(ordering: .relaxed) > 0, left.subtract(1, ordering: .relaxed).newValue == 0 else {
            return false
        }
        errno = reason.load(ordering: .relaxed)
        return true
    }
}
