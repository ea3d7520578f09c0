import Failures
import Glibc

/// The process's standard input.
package enum StandardInput {
    /// Reads to the end.
    ///
    /// - Parameter limitBytes: The maximum number of bytes, which are kept in memory.
    /// - Throws: `badData` for more bytes; `inputOutput` if reading fails.
    package static func contents(limitBytes: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0 {
                guard errno == EINTR || errno == EAGAIN else {
                    throw Failure(.inputOutput, "standard input: could not read: \(String(cString: strerror(errno))).")
                }
                var wish = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                poll(&wish, 1, 1000)
                continue
            }
            bytes += chunk[..<count]
            guard bytes.count <= limitBytes else {
                throw Failure(
                    .badData,
                    "standard input: has more than \(limitBytes >> 20) MiB. Save the text to a file, and name that.")
            }
        }
    }
}
