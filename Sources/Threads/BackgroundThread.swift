import CThreads
import Failures
import Glibc

/// A thread that runs concurrently with the training thread.
package final class BackgroundThread {
    private let thread: pthread_t

    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Starts `body` on a new thread.
    ///
    /// - Parameters:
    ///   - name: The thread's name in process listings; at most 15 characters.
    ///   - body: The work; access to state shared with other threads must be synchronized.
    /// - Throws: `internalError` if the system cannot create the thread.
    package init(_ name: String, _ body: @escaping () -> Void) throws(Failure) {
        // A thread inherits the signal mask of its creator. Signals must be handled by the training thread, so all are
        // blocked.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { work in
                Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            work.release()
            throw Failure(
                .internalError,
                "Could not start the thread \(name): \(String(cString: strerror(status))). "
                    + "Raise the limit of threads (ulimit -u).")
        }
        cthreads_set_name(thread, name)
        self.thread = thread
    }

    /// Waits until `body` has returned. It must be called exactly once.
    package func join() { pthread_join(thread, nil) }
}
