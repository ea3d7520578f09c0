import Failures
import Files

/// Reads a text in chunks; the consumer takes as much of each as it can process. Memory use does not depend on the size
/// of the text.
struct TextStream: ~Copyable {
    private var reader: TextReader
    private var buffer: UnsafeMutableRawBufferPointer
    /// The number of bytes at the start of the buffer that have been read but not taken.
    private var held = 0
    /// The number of bytes of the text that have been taken.
    private var offset = 0
    private var isAtEnd = false
    /// The number of bytes of the file that `takeBytesRead` has counted.
    private var reported = 0

    /// Opens the text file `path`, which may be empty.
    ///
    /// - Throws: The errors of `TextReader`.
    init(_ path: String, chunkBytes: Int) throws(Failure) {
        reader = try TextReader(path, allowsEmpty: true)
        buffer = .allocate(byteCount: chunkBytes, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// The size of the file when it was opened, in bytes.
    var byteCount: Int { reader.byteCount }
    /// Whether the file contains no text.
    var isEmpty: Bool { reader.isEmpty }

    /// Whether the text ends with a line break.
    func endsWithLineEnd() throws(Failure) -> Bool { try reader.endsWithLineEnd() }

    /// The byte offset at which the last `fraction` of the text begins; must be called before reading.
    func start(ofLast fraction: Double) throws(Failure) -> Int {
        if fraction == 0 { return .max }
        let byteCount = try reader.textByteCount()
        return byteCount - Int(Double(byteCount) * fraction)
    }

    /// Reads the text up to the first character boundary at or after `end`.
    ///
    /// - Parameters:
    ///   - end: A byte offset in the text; `Int.max`: the end of the text.
    ///   - take: Called with the bytes that have been read but not taken, and whether they are the last; returns the
    ///     number of bytes that it takes.
    mutating func read(
        to end: Int, _ take: (_ held: UnsafeRawBufferPointer, _ isLast: Bool) throws(Failure) -> Int
    ) throws(Failure) {
        var end = end
        while try !readChunk(to: &end, take) {}
    }

    /// Reads the next chunk of the text up to `end`, which is moved to the next character boundary.
    ///
    /// - Parameter take: As for `read`.
    /// - Returns: Whether the chunk was the last.
    mutating func readChunk(
        to end: inout Int, _ take: (_ held: UnsafeRawBufferPointer, _ isLast: Bool) throws(Failure) -> Int
    ) throws(Failure) -> Bool {
        if held <= end - offset, !isAtEnd { try fill() }
        while end - offset < held, buffer[end - offset] & 0xC0 == 0x80 { end += 1 }
        let available = min(held, end - offset)
        let isLast = available < held || isAtEnd
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<available])
        let taken = try take(bytes, isLast)
        held -= taken
        offset += taken
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[taken..<taken + held]))
        return isLast
    }

    /// The number of bytes that have been read from the file since the last call.
    mutating func takeBytesRead() -> Int {
        defer { reported = reader.position }
        return reader.position - reported
    }

    /// Reads more bytes into the buffer. If the buffer is full because the consumer took nothing, its size is doubled.
    private mutating func fill() throws(Failure) {
        if held == buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * buffer.count, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[held...]))
        held += count
        isAtEnd = count == 0 || reader.position == reader.byteCount
    }
}
