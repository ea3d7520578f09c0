import Failures
import Glibc

/// Reads the text of a file. All text from outside the program is read by this type: corpora, records, lines and
/// configurations.
///
/// Rules:
/// - Text is UTF-8 in a regular file. UTF-16, UTF-32, compressed and other files are rejected with the command that
///   converts them to text; invalid UTF-8 is rejected with its line and offset.
/// - A byte order mark at the start of a file is not part of the text.
/// - A line ends with LF or CR LF. Both are read as LF, so that the text does not depend on which one is used. A CR
///   without LF is an ordinary character, but a file with CRs and without any LF (old Mac line ends) is rejected.
/// - The last line needs no line end. An empty line counts as a line.
/// - A file with no bytes, or only a byte order mark, is empty. It is rejected where text is required.
///
/// Memory does not grow with the file. Bytes appended to the file after it was opened are not read.
package struct TextReader: ~Copyable {
    /// The file's path, for messages.
    package let path: String
    /// The size of the file when it was opened, in bytes.
    package let byteCount: Int
    /// The offset in the file up to which it was read, in bytes.
    package private(set) var position: Int
    private let source: TextSource
    /// The offset of the text's first byte, after a byte order mark.
    private let startOfText: Int
    private var validator: UTF8Validator
    /// Whether the last byte read was a CR, which is dropped if an LF follows.
    private var holdsCarriageReturn = false

    /// The number of bytes at the start of a file by which its format is recognized.
    private static let headBytes = 1 << 12
    /// The size of a chunk, in bytes. `textByteCount` counts CR LF only if the first chunk contains one.
    private static let sampleBytes = 1 << 20
    /// The maximum length in bytes of a file whose size the system does not know; it is kept in memory.
    private static let unsizedBytesLimit = 64 << 20
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Opens a text file.
    ///
    /// - Parameter allowsEmpty: Whether the file may be empty.
    /// - Throws: `badData` for a file that is missing, not a regular file, empty, or recognized as something other than
    ///   text.
    package init(_ path: String, allowsEmpty: Bool = false) throws(Failure) {
        if let kind = FileSystem.specialKind(of: path) {
            let advice =
                kind == .directory
                ? "Name the files in it."
                : "Texts are read more than once, and their size is needed first: save the text to a file, and name that."
            throw Failure(.badData, "\(path): is \(kind.rawValue), not a regular file. \(advice)")
        }
        let file = try File(path, .read)
        let size = try file.size()
        // The system does not know the size of some files, such as those of /proc.
        if size == 0 {
            let bytes = try file.unsizedContents(limitBytes: TextReader.unsizedBytesLimit)
            try self.init(path, .bytes(bytes), bytes.count, allowsEmpty)
        } else {
            try self.init(path, .file(file), size, allowsEmpty)
        }
    }

    /// Reads the bytes of a file that are already in memory.
    ///
    /// - Parameter name: The name of the file in messages.
    /// - Throws: `badData` as for a file.
    package init(bytes: [UInt8], name: String, allowsEmpty: Bool = false) throws(Failure) {
        try self.init(name, .bytes(bytes), bytes.count, allowsEmpty)
    }

    private init(_ path: String, _ source: consuming TextSource, _ size: Int, _ allowsEmpty: Bool) throws(Failure) {
        let head = try source.bytes(0..<min(size, TextReader.headBytes), path)
        if let found = ForeignFile.recognize(head, byteCount: size) {
            throw Failure(.badData, "\(path): \(found.message(path))")
        }
        let start = head.starts(with: TextReader.byteOrderMark) ? TextReader.byteOrderMark.count : 0
        if let first = try TextReader.firstCarriageReturn(in: source, size, head: head, path) {
            throw Failure(.badData, "\(path): \(ForeignFile.oldLineEnds(path, first))")
        }
        guard size > start || allowsEmpty else {
            throw Failure(
                .badData, "\(path): is empty; at least one line of UTF-8 text is required. Name another file.")
        }
        self.path = path
        self.source = source
        byteCount = size
        startOfText = start
        position = start
        validator = UTF8Validator(position: start)
    }

    /// Whether the file contains no text.
    package var isEmpty: Bool { byteCount == startOfText }

    /// Returns whether the text ends with a line end.
    package func endsWithLineEnd() throws(Failure) -> Bool {
        guard byteCount > 0 else { return false }
        return try source.bytes(byteCount - 1..<byteCount, path) == [UInt8(ascii: "\n")]
    }

    /// Returns the size of the whole text in bytes; must be called before any text is read.
    ///
    /// A file without CR LF in its first mebibyte is assumed to have none, so that it need not be read completely. If
    /// the rest contains CR LF, the result is too large by their number.
    package func textByteCount() throws(Failure) -> Int {
        precondition(position == startOfText, "asked before the text is read")
        var (lineEnds, offset, endsWithCarriageReturn) = (0, position, false)
        while offset < byteCount {
            let chunk = try source.bytes(offset..<min(byteCount, offset + TextReader.sampleBytes), path)
            if endsWithCarriageReturn, chunk.first == UInt8(ascii: "\n") { lineEnds += 1 }
            lineEnds += chunk.withUnsafeBytes(TextReader.carriageReturnsBeforeLineFeeds)
            endsWithCarriageReturn = chunk.last == UInt8(ascii: "\r")
            if lineEnds == 0 { break }
            offset += chunk.count
        }
        return byteCount - position - lineEnds
    }

    /// Reads the next bytes of the text.
    ///
    /// - Parameter buffer: The destination, at least 1 byte.
    /// - Returns: The number of bytes read; 0 at the end of the text.
    /// - Throws: `badData` for invalid UTF-8, with its line and offset.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        while true {
            var count = 0
            if holdsCarriageReturn {
                holdsCarriageReturn = false
                let next = position < byteCount ? try source.bytes(position..<position + 1, path) : []
                if next != [UInt8(ascii: "\n")] {
                    buffer[0] = UInt8(ascii: "\r")
                    count = 1
                }
            }
            let wanted = min(buffer.count - count, byteCount - position)
            guard wanted > 0 else { return count }
            let fresh = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + wanted])
            try source.read(into: fresh, at: position, path)
            try validate(UnsafeRawBufferPointer(fresh))
            position += wanted
            count += TextReader.removeCarriageReturnsBeforeLineFeeds(fresh)
            if position < byteCount, buffer[count - 1] == UInt8(ascii: "\r") {
                holdsCarriageReturn = true
                count -= 1
            }
            if count > 0 { return count }
        }
    }

    /// Reads a whole small file.
    ///
    /// - Throws: `badData` for a file of more than `limitBytes`, and the failures of `init` and `read`.
    package static func contents(
        of path: String, limitBytes: Int = 64 << 20, allowsEmpty: Bool = false
    ) throws(Failure) -> [UInt8] {
        var reader = try TextReader(path, allowsEmpty: allowsEmpty)
        guard reader.byteCount <= limitBytes else {
            throw Failure(
                .badData, "\(path): has \(reader.byteCount) bytes; the limit for such a file is \(limitBytes).")
        }
        return try reader.rest()
    }

    /// Reads the rest of the text.
    package mutating func rest() throws(Failure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount - position), alignment: 8)
        defer { buffer.deallocate() }
        var text: [UInt8] = []
        while true {
            let count = try read(into: buffer)
            if count == 0 { return text }
            text += buffer[..<count]
        }
    }

    // MARK: UTF-8

    private mutating func validate(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let endsFile = position + bytes.count == byteCount
        if let offset = validator.firstMalformedOffset(in: bytes) { throw try notUTF8(offset, isCutShort: false) }
        if endsFile, let offset = validator.unfinishedOffset { throw try notUTF8(offset, isCutShort: true) }
    }

    /// Returns the failure for invalid UTF-8 at `offset`.
    private func notUTF8(_ offset: Int, isCutShort: Bool) throws(Failure) -> Failure {
        var (line, start, at) = (1, startOfText, startOfText)
        while at < offset {
            let chunk = try source.bytes(at..<min(offset, at + TextReader.sampleBytes), path)
            for (index, byte) in chunk.enumerated() where byte == UInt8(ascii: "\n") {
                (line, start) = (line + 1, at + index + 1)
            }
            at += chunk.count
        }
        let found = try source.bytes(offset..<min(byteCount, offset + TextReader.headBytes), path)
        let head = try source.bytes(0..<min(byteCount, TextReader.headBytes), path)
        let byte = found.first.map { "0x" + String($0, radix: 16, uppercase: true) } ?? "nothing"
        return Failure(
            .badData,
            "\(path): line \(line): not UTF-8 starting at byte \(offset - start + 1) of the line (\(byte) at offset \(offset) "
                + "of the file). "
                + ForeignFile.remedy(
                    path, head: head, found: found, isCutShort: isCutShort, isMostlyUTF8: validator.hasLongCharacter))
    }

    // MARK: Line ends

    /// Returns the offset of the first CR of a file without LF, or nil for any other file. Reads a file up to its first
    /// LF.
    private static func firstCarriageReturn(
        in source: borrowing TextSource, _ size: Int, head: [UInt8], _ path: String
    ) throws(Failure) -> Int? {
        var (chunk, offset, found) = (head, 0, nil as Int?)
        while true {
            let (lineFeed, carriageReturn) = chunk.withUnsafeBytes { bytes in
                (
                    firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: 0),
                    found == nil ? firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: 0) : nil
                )
            }
            if lineFeed != nil { return nil }
            if let carriageReturn { found = offset + carriageReturn }
            offset += chunk.count
            guard offset < size else { return found }
            chunk = try source.bytes(offset..<min(size, offset + sampleBytes), path)
        }
    }

    private static func carriageReturnsBeforeLineFeeds(_ bytes: UnsafeRawBufferPointer) -> Int {
        var (count, index) = (0, 0)
        while let found = firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: index) {
            if found + 1 < bytes.count, bytes[found + 1] == UInt8(ascii: "\n") { count += 1 }
            index = found + 1
        }
        return count
    }

    /// Removes each CR that is followed by LF; returns the number of bytes that remain at the start of the buffer.
    private static func removeCarriageReturnsBeforeLineFeeds(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let bytes = UnsafeRawBufferPointer(buffer)
        guard var found = firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: 0) else { return bytes.count }
        // The bytes from `start` to the next CR are moved to `end`.
        var (start, end) = (0, 0)
        while true {
            let isLineEnd = found + 1 < bytes.count && bytes[found + 1] == UInt8(ascii: "\n")
            let stop = isLineEnd ? found : found + 1
            if end != start { memmove(buffer.baseAddress! + end, buffer.baseAddress! + start, stop - start) }
            end += stop - start
            start = found + 1
            guard let next = firstIndex(of: UInt8(ascii: "\r"), in: bytes, from: start) else { break }
            found = next
        }
        memmove(buffer.baseAddress! + end, buffer.baseAddress! + start, bytes.count - start)
        return end + bytes.count - start
    }
}

/// Returns the index of the first `byte` at or after `index`, or nil; uses `memchr`.
package func firstIndex(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from index: Int) -> Int? {
    guard index < bytes.count, let start = bytes.baseAddress else { return nil }
    return memchr(start + index, Int32(byte), bytes.count - index).map { UnsafeRawPointer($0) - start }
}

/// The source of a text.
private enum TextSource: ~Copyable {
    case file(File)
    case bytes([UInt8])

    /// Fills `buffer` with the bytes that start at `offset`.
    ///
    /// - Throws: `badData` if the file has become shorter.
    borrowing func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ path: String
    ) throws(Failure) {
        switch self {
        case .file(let file):
            guard try file.readSome(into: buffer, at: offset) == buffer.count else {
                throw Failure(
                    .badData, "\(path): became shorter while it was read. Start again when no program writes to it.")
            }
        case .bytes(let bytes):
            bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count])) }
        }
    }

    /// Returns the bytes of a range.
    borrowing func bytes(_ range: Range<Int>, _ path: String) throws(Failure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 8)
        defer { buffer.deallocate() }
        try read(into: buffer, at: range.lowerBound, path)
        return Array(buffer)
    }
}
