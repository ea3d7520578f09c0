/// How the program ends. Other people's scripts hold on to these numbers.
package enum ExitCode: Int32, Sendable {
    /// All that was asked for is done.
    case finished = 0
    /// Wrong usage or configuration: the command line or the configuration file must change.
    case usage = 64
    /// A dataset, a text or a checkpoint is damaged, missing or of the wrong kind.
    case badData = 65
    /// The program's own fault, or a training that became meaningless (a loss that is not a number).
    case internalError = 70
    /// Reading or writing failed: disk full, no permission, device error.
    case inputOutput = 74
    /// Asked to stop by a signal; the checkpoint is saved.
    case stopped = 75
    /// Replicas that must be equal are not.
    case diverged = 76
    /// No progress for too long.
    case stalled = 77
    /// Whoever read standard output has ended, as `head` does: what a shell reports of a program that SIGPIPE ended.
    case readerLeft = 141
}
