import CThreads
import Glibc

/// A POSIX semaphore: what happens before `signal` is seen after `wait`.
///
/// Sendable: the semaphore never moves, and its two operations are made for any thread (POSIX.1-2017, `sem_post`).
package final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    /// A semaphore that lets `count` waits through.
    package init(count: UInt32) {
        handle = .allocate(capacity: 1)
        sem_init(handle, 0, count)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    /// Waits until the count is above zero, and takes one off.
    package func wait() {
        while sem_wait(handle) != 0, errno == EINTR {}
    }

    /// Waits for at most `seconds`.
    ///
    /// - Returns: Whether the count was above zero, and one was taken off.
    package func wait(seconds: Double) -> Bool {
        cthreads_wait_semaphore(handle, Int64(seconds * 1e9)) == 0
    }

    /// Adds one to the count.
    package func signal() {
        sem_post(handle)
    }
}
