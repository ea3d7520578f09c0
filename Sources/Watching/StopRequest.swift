import CProcess

/// A request from outside that the run ends soon: SIGUSR1, SIGTERM or SIGINT (Ctrl-C).
package enum StopRequest {
    /// From now on these signals are noted instead of ending the process; a second SIGINT ends it.
    ///
    /// The first thing that `main` does: a signal that finds no handler kills the rank, and `mpirun` the job. Under a
    /// launcher it has been done before `main`.
    package static func install() { cprocess_note_stop_requests() }

    /// From now on these signals end the process again.
    package static func uninstall() { cprocess_forget_stop_requests() }

    /// Whether one of them has come.
    package static func isPending() -> Bool { cprocess_stop_was_requested() != 0 }
}
