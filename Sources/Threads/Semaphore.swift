import CThreads
import Glibc

/// A POSIX semaphore: memory operations before `signal` are visible after the matching `wait`.
///
/// Sendable because the semaphore is never moved in memory and any thread may call its operations (POSIX.1-2017,
/// `sem_post`).
package final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    /// A semaphore with the initial value `count`.
    package init(count: UInt32) {
        handle = .allocate(capacity: 1)
        sem_init(handle, 0, count)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    /// Waits until the value is above zero and decrements it.
    package func wait() {
        while sem_wait(handle) != 0, errno == EINTR {}
    }

    /// Waits for at most `seconds`.
    ///
    /// - Returns: Whether the value was decremented before the timeout.
    package func wait(seconds: Double) -> Bool {
        cthreads_wait_semaphore(handle, Int64(seconds * 1e9)) == 0
    }

    /// Increments the value.
    package func signal() {
        sem_post(handle)
    }
}
