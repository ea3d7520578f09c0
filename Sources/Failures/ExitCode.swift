/// The exit codes of the program. They are a stable interface: scripts depend on these numbers.
package enum ExitCode: Int32, CaseIterable, Sendable {
    /// The command completed.
    case finished = 0
    /// Wrong usage or configuration: the command line or the configuration file must change.
    case usage = 64
    /// A dataset, an input text or a checkpoint is damaged, missing or of the wrong kind.
    case badData = 65
    /// A bug in the program, or a training run whose loss is no longer finite.
    case internalError = 70
    /// Reading or writing failed: disk full, no permission, device error.
    case inputOutput = 74
    /// A signal asked the run to stop; its checkpoint is saved.
    case stopped = 75
    /// Replicas differ, or state in memory changed without an update (silent data corruption).
    case diverged = 76
    /// No rank made progress within the timeout.
    case stalled = 77
    /// The reader of standard output has exited, as `head` does; the code a shell reports for a program killed by
    /// SIGPIPE.
    case readerLeft = 141
}
