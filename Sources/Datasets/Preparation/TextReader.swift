import Failures
import Files

/// Reads a text in chunks, checks that it is UTF-8 and hands it on. Memory does not grow with the text.
struct TextReader: ~Copyable {
    private let file: File
    private var buffer: UnsafeMutableRawBufferPointer
    private var validator = UTF8Validator()

    /// The size of the text when it was opened, at least 1.
    let byteCount: Int

    /// Opens the text `path`.
    ///
    /// - Throws: `badData` where it is missing, empty or not a regular file.
    init(_ path: String, chunkBytes: Int) throws(Failure) {
        let file = try File(path, .read)
        let byteCount = try file.size()
        guard byteCount > 0 else {
            throw Failure(.badData, "\(path): is empty; a text file with at least one byte of UTF-8 is needed.")
        }
        self.file = file
        self.byteCount = byteCount
        buffer = .allocate(byteCount: chunkBytes, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// The first character boundary at or after `offset`.
    func characterBoundary(from offset: Int) throws(Failure) -> Int {
        var boundary = offset
        // A character has at most three continuation bytes.
        while boundary < byteCount, boundary - offset < 3 {
            try file.read(into: .init(rebasing: buffer[..<1]), at: boundary)
            if buffer[0] & 0xC0 != 0x80 { break }
            boundary += 1
        }
        return boundary
    }

    /// Turns the bytes in `range` into tokens, as a text of its own. The ranges of a file come in order and cover it.
    ///
    /// - Parameter consume: Called for every chunk with its tokens and the number of bytes read for it.
    mutating func readTokens(
        in range: Range<Int>, _ tokenizer: any Tokenizer,
        _ consume: (ArraySlice<Int32>, _ bytes: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var tokens: [Int32] = []
        try read(range) { held, count, isLast throws(Failure) in
            tokens.removeAll(keepingCapacity: true)
            let taken = try tokenizer.encode(held, isLast: isLast, appendingTo: &tokens)
            precondition(taken == held.count || !isLast, "a tokenizer takes all of the last chunk")
            try consume(tokens[...], count)
            return taken
        }
    }

    /// Hands on the bytes in `range`. The ranges of a file come in order and cover it from its start.
    ///
    /// - Parameter take: Called with the bytes that are read and not taken yet, how many of them are new, and whether the
    ///   range ends with them; returns how many it takes.
    mutating func read(
        _ range: Range<Int>,
        _ take: (_ held: UnsafeRawBufferPointer, _ new: Int, _ isLast: Bool) throws(Failure) -> Int
    ) throws(Failure) {
        var position = range.lowerBound
        var kept = 0
        while position < range.upperBound {
            if kept == buffer.count { grow() }
            let count = min(buffer.count - kept, range.upperBound - position)
            let fresh = UnsafeMutableRawBufferPointer(rebasing: buffer[kept..<(kept + count)])
            try file.read(into: fresh, at: position)
            try validate(UnsafeRawBufferPointer(fresh), endsFile: position + count == byteCount)
            position += count

            let held = UnsafeRawBufferPointer(rebasing: buffer[..<(kept + count)])
            let taken = try take(held, count, position == range.upperBound)
            kept = held.count - taken
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<kept])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: held[taken...]))
        }
    }

    private mutating func validate(_ bytes: UnsafeRawBufferPointer, endsFile: Bool) throws(Failure) {
        let malformed = validator.firstMalformedOffset(in: bytes) ?? (endsFile ? validator.unfinishedOffset : nil)
        guard let malformed else { return }
        throw Failure(
            .badData,
            "\(file.path): the bytes from offset \(malformed) on are not UTF-8. Text must be UTF-8; convert it first, "
                + "for example: iconv -f ISO-8859-1 -t UTF-8 '\(file.path)' > '\(file.path).utf8'")
    }

    /// Doubles the buffer for a taker that was not sure of any of it.
    private mutating func grow() {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * buffer.count, alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
        buffer.deallocate()
        buffer = larger
    }
}
