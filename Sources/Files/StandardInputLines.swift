import Failures

/// The lines of standard input, each as soon as it is complete.
package struct StandardInputLines: ~Copyable {
    private var held: [UInt8] = []
    private var number = 0
    private var isAtEnd = false

    /// The maximum length of a line in bytes.
    private static let limit = 1 << 24

    package init() {}

    /// Reads the next line, without its line break.
    ///
    /// - Parameter shouldStop: As for `StandardInput.read`.
    /// - Returns: The line; nil at the end.
    /// - Throws: `badData` for a line that is too long or is not UTF-8; `inputOutput` if reading fails.
    package mutating func next(shouldStop: () -> Bool) throws(Failure) -> String? {
        while true {
            if let end = held.firstIndex(of: 0x0A) {
                defer { held.removeFirst(end + 1) }
                return try line(held[..<end])
            }
            guard !isAtEnd else {
                defer { held = [] }
                return held.isEmpty ? nil : try line(held[...])
            }
            guard held.count <= StandardInputLines.limit else {
                throw Failure(
                    .badData,
                    "standard input: line \(number + 1) has more than \(StandardInputLines.limit >> 20) MiB.")
            }
            let more = try StandardInput.read(atMost: 1 << 12, shouldStop: shouldStop)
            isAtEnd = more.isEmpty
            held += more
        }
    }

    private mutating func line(_ bytes: ArraySlice<UInt8>) throws(Failure) -> String {
        number += 1
        let bytes = bytes.last == 0x0D ? bytes.dropLast() : bytes
        guard let line = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.badData, "standard input: line \(number) is not UTF-8 text.")
        }
        return line
    }
}
