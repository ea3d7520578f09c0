import CProcess

/// A request to stop the run soon: SIGUSR1, SIGTERM or SIGINT (Ctrl-C).
package enum StopRequest {
    /// Installs handlers that record these signals instead of ending the process; a second SIGINT ends it.
    ///
    /// `main` calls this first: a signal without a handler kills the rank, and then `mpirun` ends the job. Under a
    /// launcher the handlers are installed even before `main`.
    package static func install() { cprocess_note_stop_requests() }

    /// Restores the default action of these signals, which ends the process.
    package static func uninstall() { cprocess_forget_stop_requests() }

    /// Whether one of these signals has arrived.
    package static func isPending() -> Bool { cprocess_stop_was_requested() != 0 }
}
