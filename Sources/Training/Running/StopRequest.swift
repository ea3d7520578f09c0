import Glibc

// Written by a signal handler, which may do nothing else.
nonisolated(unsafe) private var received: Int32 = 0

/// The wish of the outside world that the run ends soon: SIGUSR1 or SIGTERM.
package enum StopRequest {
    /// From now on both signals are noted instead of ending the process.
    ///
    /// The first thing that `main` does: a signal that finds no handler kills the rank, and `mpirun` the job.
    package static func install() {
        // The handler has a stack of its own. On the stack that it interrupts, which may be that of oneDNN's generated
        // code, it left a corrupted heap in 5 of 105 jobs; so it did in none of 80.
        var stack = stack_t()
        stack.ss_size = 1 << 17
        stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: stack.ss_size, alignment: 64)
        sigaltstack(&stack, nil)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { received = $0 }
        action.sa_flags = SA_ONSTACK | SA_RESTART
        for number in [SIGUSR1, SIGTERM] { sigaction(number, &action, nil) }
    }

    /// From now on both signals end the process again.
    package static func uninstall() {
        for number in [SIGUSR1, SIGTERM] { signal(number, SIG_DFL) }
    }

    /// Whether one of them has come.
    @inline(never)
    package static func isPending() -> Bool { received != 0 }
}
