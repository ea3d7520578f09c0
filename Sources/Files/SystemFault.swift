import Glibc
import Synchronization

/// A call of the system, or a wish for memory, that is made to fail, so that a test sees what comes of it.
///
/// Nothing fails until `arm` is called; a call then costs a look at one word.
package enum SystemFault {
    /// What can be made to fail.
    package enum Call: String, CaseIterable, Sendable { case read, write, sync, rename, allocate }

    /// The calls until one fails, its own included; 0: none will.
    private static let reads = Atomic(0)
    private static let writes = Atomic(0)
    private static let syncs = Atomic(0)
    private static let renames = Atomic(0)
    private static let allocations = Atomic(0)
    private static let reason = Atomic<Int32>(EIO)

    /// The errors that a call can be made to fail with, by their names.
    package static let errors: [String: Int32] = [
        "EIO": EIO, "ENOSPC": ENOSPC, "EDQUOT": EDQUOT, "EROFS": EROFS, "EACCES": EACCES, "ESTALE": ESTALE,
    ]

    /// The `number`-th call from now on fails with `error`, once.
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

    /// Whether this call is the one; `errno` then says why.
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
