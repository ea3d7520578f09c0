import Failures
import Glibc

/// The process's standard input.
package enum StandardInput {
    /// Whether a person types it.
    package static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Reads some bytes, waiting for the first.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes.
    ///   - shouldStop: Called about once a second while nothing arrives, and after a signal; if true, the input ends.
    /// - Returns: The bytes; none at the end.
    /// - Throws: `inputOutput` if reading fails.
    package static func read(atMost limit: Int, shouldStop: () -> Bool = { false }) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(Failure) in
            try read(into: UnsafeMutableRawBufferPointer(buffer), shouldStop: shouldStop)
        }
        bytes.removeLast(limit - count)
        return bytes
    }

    private static func read(
        into buffer: UnsafeMutableRawBufferPointer, shouldStop: () -> Bool
    ) throws(Failure) -> Int {
        while !shouldStop() {
            var wish = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wish, 1, 1000)
            if ready == 0 || ready < 0 && errno == EINTR { continue }
            let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR || errno == EAGAIN else {
                throw Failure(.inputOutput, "standard input: could not read: \(String(cString: strerror(errno))).")
            }
        }
        return 0
    }

    /// Reads to the end.
    ///
    /// - Parameter limitBytes: The maximum number of bytes, which are kept in memory.
    /// - Throws: `badData` for more bytes; `inputOutput` if reading fails.
    package static func contents(limitBytes: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try read(atMost: 1 << 16)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limitBytes else {
                throw Failure(
                    .badData,
                    "standard input: has more than \(limitBytes >> 20) MiB. Save the text to a file, and name that.")
            }
        }
    }
}
