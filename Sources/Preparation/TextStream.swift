import Failures
import Files
import Tokenizers

/// Reads a text in chunks; the consumer takes as much of each as it can process. Memory use does not depend on the size
/// of the text.
struct TextStream: ~Copyable {
    /// The last byte that was taken; nil at the start.
    private(set) var lastByte: UInt8?
    private var reader: TextReader
    private var buffer: UnsafeMutableRawBufferPointer
    /// The number of bytes at the start of the buffer that have been read but not taken.
    private var held = 0
    /// The number of bytes of the text that have been taken.
    private var offset = 0
    private var isAtEnd = false
    /// The number of bytes of the file that have been reported to the consumer.
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

    /// Tokenizes the text up to the first character boundary at or after `end`, as a separate text.
    ///
    /// - Parameter consume: Called for every chunk with its tokens and the number of bytes read from the file for it.
    mutating func readTokens(
        to end: Int, _ tokenizer: any Tokenizer,
        _ consume: (ArraySlice<Int32>, _ bytes: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var tokens: [Int32] = []
        var previous: UInt8?
        try read(to: end) { held, count, isLast throws(Failure) in
            tokens.removeAll(keepingCapacity: true)
            let taken = try tokenizer.encode(held, isLast: isLast, after: previous, appendingTo: &tokens)
            if taken > 0 { previous = held[taken - 1] }
            precondition(taken == held.count || !isLast, "a tokenizer takes all of the last chunk")
            try consume(tokens[...], count)
            return taken
        }
    }

    /// Reads the text up to the first character boundary at or after `end`.
    ///
    /// - Parameters:
    ///   - end: A byte offset in the text; `Int.max`: the end of the text.
    ///   - take: Called with the bytes that have been read but not taken, the number of bytes read from the file since
    ///     the last call, and whether the bytes are the last; returns the number of bytes that it takes.
    mutating func read(
        to end: Int,
        _ take: (_ held: UnsafeRawBufferPointer, _ new: Int, _ isLast: Bool) throws(Failure) -> Int
    ) throws(Failure) {
        var end = end
        while true {
            if held <= end - offset, !isAtEnd { try fill() }
            // Moves the end to the next character boundary.
            while end - offset < held, buffer[end - offset] & 0xC0 == 0x80 { end += 1 }
            let available = min(held, end - offset)
            let isLast = available < held || isAtEnd
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<available])
            let new = reader.position - reported
            reported = reader.position
            let taken = try take(bytes, new, isLast)
            if taken > 0 { lastByte = bytes[taken - 1] }
            held -= taken
            offset += taken
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[taken..<taken + held]))
            if isLast { return }
        }
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
