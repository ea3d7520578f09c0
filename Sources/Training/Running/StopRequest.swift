import Glibc

// Written by a signal handler, which may do nothing else.
nonisolated(unsafe) private var received: Int32 = 0

/// The wish of the outside world that the run ends soon: SIGUSR1 or SIGTERM.
package enum StopRequest {
    /// From now on both signals are noted instead of ending the process.
    ///
    /// The first thing that `main` does: a signal that finds no handler kills the rank, and `mpirun` the job.
    package static func install() {
        for number in [SIGUSR1, SIGTERM] { signal(number) { received = $0 } }
    }

    /// From now on both signals end the process again.
    package static func uninstall() {
        for number in [SIGUSR1, SIGTERM] { signal(number, SIG_DFL) }
    }

    /// Whether one of them has come.
    @inline(never)
    package static func isPending() -> Bool { received != 0 }
}
