import Failures
import Files

/// Reads a UTF-8 file line by line. Memory does not grow with the file.
final class LineReader {
    /// The file's path.
    let path: String
    /// The size of the file when it was opened, at least 1.
    let byteCount: Int
    /// The number of the line that was read last, from 1.
    private(set) var lineNumber = 0
    /// Bytes that have been read.
    private(set) var position = 0
    private let file: File
    private var buffer: UnsafeMutableRawBufferPointer
    /// The bytes of the buffer that are read and not yet taken.
    private var held = 0..<0

    /// No line of a record is longer.
    static let lineBytesLimit = 64 << 20

    /// Opens the file.
    ///
    /// - Throws: `badData` where it is missing, empty or not a regular file.
    init(_ path: String) throws(Failure) {
        let file = try File(path, .read)
        let byteCount = try file.size()
        guard byteCount > 0 else { throw Failure(.badData, "\(path): is empty; at least one line is needed.") }
        self.path = path
        self.byteCount = byteCount
        self.file = file
        buffer = .allocate(byteCount: 1 << 18, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// The place of the line that was read last, for messages.
    var place: String { "\(path): line \(lineNumber)" }

    /// Reads the next line.
    ///
    /// - Returns: Its text, without the line's end; nil after the last.
    /// - Throws: `badData` for a line that is not UTF-8 or too long.
    func next() throws(Failure) -> [UInt8]? {
        lineNumber += 1
        var searched = held.lowerBound
        while true {
            if let end = buffer[searched..<held.upperBound].firstIndex(of: UInt8(ascii: "\n")) {
                let line = try text(held.lowerBound..<end)
                held = end + 1..<held.upperBound
                return line
            }
            let known = held.count
            guard try fill() else { break }
            searched = known
        }
        guard !held.isEmpty else {
            lineNumber -= 1
            return nil
        }
        let line = try text(held)
        held = 0..<0
        return line
    }

    /// Reads more behind what is held, which moves to the buffer's start; false at the end of the file.
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
                    "\(place): is longer than \(LineReader.lineBytesLimit >> 20) MiB. Divide the record into several.")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * buffer.count, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let free = UnsafeMutableRawBufferPointer(rebasing: buffer[held.count...])
        let count = try file.readSome(into: free, at: position)
        position += count
        held = 0..<held.count + count
        return count > 0
    }

    private func text(_ range: Range<Int>) throws(Failure) -> [UInt8] {
        var line = buffer[range]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        // A byte order mark belongs to the file, not to its text.
        if lineNumber == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        var validator = UTF8Validator()
        let bytes = UnsafeRawBufferPointer(rebasing: line)
        if let offset = validator.firstMalformedOffset(in: bytes) ?? validator.unfinishedOffset {
            throw Failure(
                .badData,
                "\(place): its bytes from \(offset) on are not UTF-8. Convert the file first, for example: "
                    + "iconv -f ISO-8859-1 -t UTF-8 '\(path)' > '\(path).utf8'")
        }
        return Array(bytes)
    }
}
