import Failures

extension ExitCode {
    /// The exit codes that the program itself gives.
    static let documented = allCases.filter { $0 != .readerLeft }

    /// One or two words, for help.
    var summary: String {
        switch self {
        case .finished: "finished"
        case .usage: "usage"
        case .badData: "bad data"
        case .internalError: "internal error"
        case .inputOutput: "input/output"
        case .stopped: "stopped on request and saved"
        case .diverged: "silent data corruption"
        case .stalled: "no progress"
        case .readerLeft: "broken pipe (the reader of the output has exited)"
        }
    }

    /// The meaning as the documentation gives it.
    var meaning: String {
        switch self {
        case .finished: "finished"
        case .usage: "wrong usage or configuration"
        case .badData: "bad data or checkpoint"
        case .internalError: "internal error, or a run that can no longer learn"
        case .inputOutput: "input/output failed"
        case .stopped: "asked to stop, checkpoint saved"
        case .diverged: "silent data corruption, or replicas differ"
        case .stalled: "no progress"
        case .readerLeft: "broken pipe: the reader of standard output has exited (SIGPIPE)"
        }
    }
}
