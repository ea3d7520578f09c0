import Glibc

/// A POSIX semaphore: what happens before `signal` is seen after `wait`.
///
/// Sendable: the semaphore never moves, and its two operations are made for any thread (POSIX.1-2017, `sem_post`).
final class Semaphore: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<sem_t>

    init(count: UInt32) {
        handle = .allocate(capacity: 1)
        sem_init(handle, 0, count)
    }

    deinit {
        sem_destroy(handle)
        handle.deallocate()
    }

    /// Waits until the count is above zero, and takes one off.
    func wait() {
        while sem_wait(handle) != 0, errno == EINTR {}
    }

    /// Adds one to the count.
    func signal() {
        sem_post(handle)
    }
}
