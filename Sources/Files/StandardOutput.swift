import Failures
import Glibc

/// The process's standard output.
package enum StandardOutput {
    /// The result of writing.
    package enum Outcome {
        /// All bytes were written.
        case written
        /// The reader of the pipe or socket has exited.
        case readerLeft
        /// The system reported an error.
        case failed(Failure)
    }

    /// Writes all of `bytes`, waiting for a slow reader.
    package static func write(_ bytes: [UInt8]) -> Outcome {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(STDOUT_FILENO, bytes.baseAddress! + done, bytes.count - done)
                if count >= 0 {
                    done += count
                } else if errno == EAGAIN {
                    // Another program that shares the pipe or terminal has made it non-blocking.
                    var wish = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                    poll(&wish, 1, 1000)
                } else if errno != EINTR {
                    return outcome(of: errno)
                }
            }
            return .written
        }
    }

    /// Reports write errors that the system defers until a file is closed, as NFS does. Standard output remains open.
    package static func flush() -> Outcome {
        let copy = dup(STDOUT_FILENO)
        guard copy >= 0 else { return outcome(of: errno) }
        return close(copy) == 0 || errno == EINTR ? .written : outcome(of: errno)
    }

    private static func outcome(of error: Int32) -> Outcome {
        switch error {
        case EPIPE, ECONNRESET: .readerLeft
        case EBADF:
            .failed(
                Failure(
                    .inputOutput,
                    "standard output is closed. Redirect it to a file, or to /dev/null if it is not needed."))
        default:
            .failed(Failure(.inputOutput, "standard output: could not write: \(String(cString: strerror(error)))."))
        }
    }
}
