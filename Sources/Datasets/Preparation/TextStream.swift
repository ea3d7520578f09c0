import Failures
import Files

/// Hands a text on in chunks, of which a taker takes as much as it can be sure of. Memory does not grow with the text.
struct TextStream: ~Copyable {
    /// The text's last byte that was taken; nil before the first.
    private(set) var lastByte: UInt8?
    private var reader: TextReader
    private var buffer: UnsafeMutableRawBufferPointer
    /// The bytes at the buffer's start that are read and not taken yet.
    private var held = 0
    /// The bytes of the text that were taken.
    private var offset = 0
    private var isAtEnd = false
    /// The bytes of the file that the taker knows of.
    private var reported = 0

    /// Opens the text `path`, which may be empty.
    ///
    /// - Throws: As `TextReader`.
    init(_ path: String, chunkBytes: Int) throws(Failure) {
        reader = try TextReader(path, allowsEmpty: true)
        buffer = .allocate(byteCount: chunkBytes, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// The size of the file when it was opened, in bytes.
    var byteCount: Int { reader.byteCount }
    /// Whether the file holds no text.
    var isEmpty: Bool { reader.isEmpty }

    /// Whether the text ends with a line end.
    func endsWithLineEnd() throws(Failure) -> Bool { try reader.endsWithLineEnd() }

    /// Where the last `fraction` of the text begins, in bytes of text, before anything is read.
    func start(ofLast fraction: Double) throws(Failure) -> Int {
        if fraction == 0 { return .max }
        let byteCount = try reader.textByteCount()
        return byteCount - Int(Double(byteCount) * fraction)
    }

    /// Turns the text up to the first character at or after `end` into tokens, as a text of its own.
    ///
    /// - Parameter consume: Called for every chunk with its tokens and the number of bytes of the file read for it.
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

    /// Hands on the text up to the first character at or after `end`.
    ///
    /// - Parameters:
    ///   - end: An offset in bytes of text; `Int.max` is the end of the text.
    ///   - take: Called with the bytes that are read and not taken yet, how many bytes of the file were read since the last
    ///     call, and whether these bytes are the last; returns how many it takes.
    mutating func read(
        to end: Int,
        _ take: (_ held: UnsafeRawBufferPointer, _ new: Int, _ isLast: Bool) throws(Failure) -> Int
    ) throws(Failure) {
        var end = end
        while true {
            if held <= end - offset, !isAtEnd { try fill() }
            // A character that begins before the end is whole.
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

    /// Reads more behind what is held; a buffer that is full, because its taker was not sure of any of it, doubles.
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
