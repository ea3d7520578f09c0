import CThreads
import Failures
import Glibc

/// A thread beside the one that trains.
package final class BackgroundThread {
    private let thread: pthread_t

    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Starts `body` on a thread of its own.
    ///
    /// - Parameters:
    ///   - name: At most 15 characters, for whoever looks at the process.
    ///   - body: What it touches it has for itself, or takes turns for.
    /// - Throws: `internalError` where the system has no thread left.
    package init(_ name: String, _ body: @escaping () -> Void) throws(Failure) {
        // The thread starts with the caller's mask. Signals are for the thread that trains.
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
                    + "Allow this process more threads (ulimit -u).")
        }
        cthreads_set_name(thread, name)
        self.thread = thread
    }

    /// Returns when `body` has returned; called once.
    package func join() { pthread_join(thread, nil) }
}
