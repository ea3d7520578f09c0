import Failures

/// An error of a call: what was found, where, what is allowed, and what to do next.
///
/// Messages are those of the program. Some of them name an option of the command line: `--crop` is the parameter or
/// property `crop`, `--beam` is `beams`, and so on.
public struct DTrainError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The kinds of errors; the program has an exit code for each.
    public enum Kind: Sendable {
        /// An argument or a call is not allowed: a prompt that is too long, a number that is out of range, a call that
        /// the model's family does not support, or more memory or threads than are available (64).
        case usage
        /// A checkpoint or an image is missing, damaged or of the wrong kind (65).
        case badData
        /// Reading failed: no permission, or an error of the device (74).
        case inputOutput
        /// The task that made the call was cancelled (75).
        case cancelled
        /// A bug in dtrain (70).
        case internalError
    }

    /// The kind of the error.
    public let kind: Kind
    /// One or a few lines for the user, without a trailing newline.
    public let message: String

    /// The message.
    public var description: String { message }

    /// Converts a failure of the program's modules.
    init(_ failure: Failure) {
        kind =
            switch failure.exitCode {
            case .usage: .usage
            case .badData: .badData
            case .inputOutput: .inputOutput
            case .stopped: .cancelled
            case .finished, .internalError, .diverged, .stalled, .readerLeft: .internalError
            }
        message = failure.message
    }
}
