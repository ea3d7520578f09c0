import Datasets
import Failures
import Tokenizers

/// A chunk of a text, which is encoded independently of the others.
struct TextChunk: Sendable {
    /// The split to which it belongs.
    let split: Split
    /// The path of its file.
    let path: String
    /// The bytes, of which a tokenizer takes as many as it can without the bytes that follow.
    let bytes: [UInt8]
    /// The byte before them; nil at the start of the text or of its held-out part.
    let previous: UInt8?
    /// Whether the text or its part for training ends with them.
    let isLast: Bool
    /// The number of bytes that were read from the file for the chunk.
    let bytesRead: Int
    /// At the end of a text or of its part for training: whether a line break must be inserted before the next text.
    ///
    /// If the rest of a text is held out, its first part ends within the text. A line break is inserted after the
    /// first part only if the whole text lacks a final line break too, which keeps the tokens of existing datasets.
    let lacksLineBreak: Bool
    /// Whether it stands for a file without text.
    let isEmptyFile: Bool

    /// Encodes the chunk.
    func tokens(_ tokenizer: any Tokenizer) throws(Failure) -> [Int32] {
        var tokens: [Int32] = []
        let taken = try bytes.withUnsafeBufferPointer { bytes throws(Failure) in
            try tokenizer.encode(UnsafeRawBufferPointer(bytes), isLast: isLast, after: previous, appendingTo: &tokens)
        }
        precondition(taken == bytes.count || !isLast, "a tokenizer takes all of the last chunk")
        return tokens
    }
}

/// Cuts texts into chunks: of each text the part for training, then the part that is held out.
struct TextChunks: ~Copyable {
    /// A text, and whether all of it is for validation.
    typealias Source = (path: String, isValidation: Bool)

    private let sources: [Source]
    private let fraction: Double
    private let tokenizer: any Tokenizer
    private let chunkBytes: Int
    private var index = 0
    private var text: TextStream?
    private var split = Split.train
    /// Where the current part of the text ends.
    private var end = 0
    private var previous: UInt8?

    /// - Parameters:
    ///   - fraction: The fraction of each text that is held out, unless all of it is for validation.
    ///   - tokenizer: Decides where chunks end.
    ///   - chunkBytes: The number of bytes to read at a time.
    init(_ sources: [Source], heldOut fraction: Double, _ tokenizer: any Tokenizer, chunkBytes: Int) {
        self.sources = sources
        self.fraction = fraction
        self.tokenizer = tokenizer
        self.chunkBytes = chunkBytes
    }

    /// Reads the next chunk.
    ///
    /// - Returns: The chunk; nil after the last one.
    /// - Throws: The failures of `TextReader`.
    mutating func next() throws(Failure) -> TextChunk? {
        guard index < sources.count else { return nil }
        var text = if let open = text.take() { open } else { try open(sources[index]) }
        let chunk = try self.chunk(of: &text)
        if chunk.isLast, split == .train, fraction > 0, !chunk.isEmptyFile {
            begin(.validation, to: .max)
            self.text = consume text
        } else if chunk.isLast {
            index += 1
        } else {
            self.text = consume text
        }
        return chunk
    }

    private mutating func open(_ source: Source) throws(Failure) -> TextStream {
        let text = try TextStream(source.path, chunkBytes: chunkBytes)
        if source.isValidation {
            begin(.validation, to: .max)
        } else {
            begin(.train, to: try text.start(ofLast: fraction))
        }
        return text
    }

    private mutating func begin(_ split: Split, to end: Int) {
        (self.split, self.end, previous) = (split, end, nil)
    }

    private mutating func chunk(of text: inout TextStream) throws(Failure) -> TextChunk {
        let before = previous
        var (bytes, last) = ([] as [UInt8], before)
        let isLast = try text.readChunk(to: &end) { held, isLast throws(Failure) in
            bytes = Array(held)
            let taken = isLast ? held.count : try tokenizer.prefixCount(of: held, after: before)
            if taken > 0 { last = held[taken - 1] }
            return taken
        }
        previous = last
        return TextChunk(
            split: split, path: sources[index].path, bytes: bytes, previous: before, isLast: isLast,
            bytesRead: text.takeBytesRead(),
            lacksLineBreak: isLast ? try !text.endsWithLineEnd() && last != UInt8(ascii: "\n") : false,
            isEmptyFile: text.isEmpty)
    }
}
