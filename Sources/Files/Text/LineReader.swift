import Failures

/// Reads a text file line by line, following the rules of `TextReader`. Its memory is proportional to the longest line.
package final class LineReader {
    /// The number of the line that was read last, counted from 1; 0 before the first.
    package private(set) var lineNumber = 0
    private var reader: TextReader
    private var buffer: UnsafeMutableRawBufferPointer
    /// The range of the buffer that was read from the file but not yet returned.
    private var held = 0..<0

    /// The maximum length of a line in bytes.
    package static let lineBytesLimit = 64 << 20

    /// Opens the file.
    ///
    /// - Throws: The failures of `TextReader.init`.
    package init(_ path: String, allowsEmpty: Bool = false) throws(Failure) {
        reader = try TextReader(path, allowsEmpty: allowsEmpty)
        buffer = .allocate(byteCount: 1 << 18, alignment: 64)
    }

    /// Reads standard input to its end.
    ///
    /// - Parameter standardInputLimit: The maximum number of bytes, which are kept in memory.
    /// - Throws: `badData` for text that `TextReader` refuses, or for more bytes.
    package init(standardInputLimit limit: Int) throws(Failure) {
        let bytes = try StandardInput.contents(limitBytes: limit)
        reader = try TextReader(bytes: bytes, name: "standard input", allowsEmpty: true)
        buffer = .allocate(byteCount: 1 << 18, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// The file's path.
    package var path: String { reader.path }
    /// The size of the file when it was opened, in bytes.
    package var byteCount: Int { reader.byteCount }
    /// The number of bytes of the file that have been read.
    package var position: Int { reader.position }
    /// The path and number of the line that was read last, for messages.
    package var place: String { "\(path): line \(lineNumber)" }

    /// Reads the next line.
    ///
    /// - Returns: The line without its line end, or nil after the last line.
    /// - Throws: The failures of `next(appendingTo:)`.
    package func next() throws(Failure) -> [UInt8]? {
        var line: [UInt8] = []
        return try next(appendingTo: &line) ? line : nil
    }

    /// Appends the next line without its line end to `text`.
    ///
    /// - Returns: Whether there was a line.
    /// - Throws: `badData` for a line that is too long, and the failures of `TextReader.read`.
    package func next(appendingTo text: inout [UInt8]) throws(Failure) -> Bool {
        lineNumber += 1
        var searched = held.lowerBound
        while true {
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<held.upperBound])
            if let end = firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: searched) {
                text.append(contentsOf: bytes[held.lowerBound..<end])
                held = end + 1..<held.upperBound
                return true
            }
            let known = held.count
            guard try fill() else { break }
            searched = known
        }
        guard !held.isEmpty else {
            lineNumber -= 1
            return false
        }
        text.append(contentsOf: buffer[held])
        held = 0..<0
        return true
    }

    /// Returns all lines of a file.
    ///
    /// - Throws: The failures of `init` and `next`.
    package static func lines(of path: String) throws(Failure) -> [String] {
        let reader = try LineReader(path)
        var lines: [String] = []
        while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        return lines
    }

    /// Moves the unread bytes to the start of the buffer and reads more after them; returns false at the end of the
    /// text.
    private func fill() throws(Failure) -> Bool {
        if held.lowerBound > 0 {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[held])
            buffer.copyMemory(from: rest)
            held = 0..<rest.count
        }
        if held.count == buffer.count {
            guard buffer.count < LineReader.lineBytesLimit else {
                throw Failure(
                    .badData,
                    "\(place): is longer than \(LineReader.lineBytesLimit >> 20) MiB. Split it into several lines.")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * buffer.count, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[held.count...]))
        held = 0..<held.count + count
        return count > 0
    }
}
