import Failures
import Files

/// One split as one row of tokens, read where it lies on the disk. For one thread at a time.
package final class TokenStream {
    /// The number of tokens in all shards.
    package let tokenCount: Int
    /// The dataset and the split, for messages.
    let name: String
    private let shards: [TokenShard]
    /// The index of each shard's first token.
    private let starts: [Int]
    let vocabularySize: Int
    private var files: [OpenFile?]
    private var openOrder: [Int] = []
    private let buffer: UnsafeMutableRawBufferPointer

    /// Files that are kept open, far fewer than a process may have: a large corpus has thousands of shards.
    private static let openFileLimit = 128

    init(name: String, shards: [TokenShard], vocabularySize: Int) {
        self.name = name
        self.shards = shards
        self.vocabularySize = vocabularySize
        var starts: [Int] = []
        var total = 0
        for shard in shards {
            starts.append(total)
            total += shard.tokenCount
        }
        self.starts = starts
        tokenCount = total
        files = shards.map { _ in nil }
        buffer = .allocate(byteCount: 1 << 16, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Reads the tokens from `offset` on.
    ///
    /// - Parameters:
    ///   - offset: The index of the first token; offset + count is at most `tokenCount`.
    ///   - count: How many.
    ///   - tokens: Where they go, shape [count].
    /// - Throws: `badData` for a token outside the vocabulary, naming its shard, byte offset and value.
    /// - Complexity: O(count + log(shards)); allocates nothing unless a shard has to be opened.
    package func read(at offset: Int, count: Int, into tokens: UnsafeMutablePointer<Int32>) throws(Failure) {
        precondition(offset >= 0 && count >= 0 && offset <= tokenCount - count, "tokens outside the split")
        var done = 0
        var index = shardIndex(of: offset)
        while done < count {
            let shard = shards[index]
            let first = offset + done - starts[index]
            let part = min(count - done, shard.tokenCount - first)
            try read(shard, try file(index), from: first, count: part, into: tokens + done)
            done += part
            index += 1
        }
    }

    /// Makes sure that a split has the tokens of one sample.
    ///
    /// - Parameter extra: The tokens that a sample reads beyond its context; fewer than none where it adds some of its own.
    /// - Throws: `badData` for a split that is shorter, `usage` for a context of no token.
    func require(_ contextLength: Int, extra: Int) throws(Failure) {
        guard contextLength > 0 else {
            throw Failure(.usage, "data.context_length is \(contextLength); at least 1 is needed.")
        }
        guard tokenCount - extra >= contextLength else {
            // What a shorter context allows at the least.
            let most = tokenCount - max(0, extra)
            let remedy =
                most > 0 ? "Prepare more text, or set data.context_length to at most \(most)." : "Prepare more text."
            throw Failure(
                .badData,
                "\(name): \(tokenCount) tokens; data.context_length \(contextLength) needs at least "
                    + "\(min(contextLength, Int.max - 1) + extra) tokens in a split. \(remedy)")
        }
    }

    private func read(
        _ shard: TokenShard, _ open: OpenFile, from first: Int, count: Int, into tokens: UnsafeMutablePointer<Int32>
    ) throws(Failure) {
        let tokenBytes = shard.format.tokenBytes
        var done = 0
        while done < count {
            let part = min(count - done, buffer.count / tokenBytes)
            let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(part * tokenBytes)])
            try open.file.read(into: bytes, at: shard.byteOffset(ofToken: first + done))
            let largest =
                tokenBytes == 4
                ? convert(bytes.bindMemory(to: UInt32.self), into: tokens + done)
                : convert(bytes.bindMemory(to: UInt16.self), into: tokens + done)
            guard largest < vocabularySize else { throw outsideVocabulary(shard, first + done, bytes) }
            done += part
        }
    }

    /// Widens `stored`; returns the largest token. What does not fit an `Int32` is never used: no vocabulary has it.
    private func convert<Token: FixedWidthInteger & UnsignedInteger>(
        _ stored: UnsafeMutableBufferPointer<Token>, into tokens: UnsafeMutablePointer<Int32>
    ) -> UInt32 {
        var largest: Token = 0
        for index in 0..<stored.count {
            let token = Token(littleEndian: stored[index])
            largest = max(largest, token)
            tokens[index] = Int32(truncatingIfNeeded: token)
        }
        return UInt32(largest)
    }

    private func outsideVocabulary(
        _ shard: TokenShard, _ first: Int, _ bytes: UnsafeMutableRawBufferPointer
    ) -> Failure {
        let tokenBytes = shard.format.tokenBytes
        var index = 0
        var value = 0
        repeat {
            let offset = index * tokenBytes
            value =
                tokenBytes == 4
                ? Int(UInt32(littleEndian: bytes.load(fromByteOffset: offset, as: UInt32.self)))
                : Int(UInt16(littleEndian: bytes.load(fromByteOffset: offset, as: UInt16.self)))
            index += 1
        } while value < vocabularySize
        return Failure(
            .badData,
            "\(shard.path): token \(value) at byte \(shard.byteOffset(ofToken: first + index - 1)); the vocabulary "
                + "has \(vocabularySize) tokens, from 0 to \(vocabularySize - 1). The file is damaged or made with "
                + "another tokenizer; copy or prepare it again.")
    }

    /// The last shard that starts at or before `offset`.
    private func shardIndex(of offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// The file of a shard, opened where it is not; the one opened first is closed where there are too many.
    private func file(_ index: Int) throws(Failure) -> OpenFile {
        if let file = files[index] { return file }
        if openOrder.count == TokenStream.openFileLimit { files[openOrder.removeFirst()] = nil }
        let file = OpenFile(try File(shards[index].path, .read))
        files[index] = file
        openOrder.append(index)
        return file
    }
}

/// A file in a box, since a file is not copyable and an array's elements are.
private final class OpenFile {
    let file: File
    init(_ file: consuming File) { self.file = file }
}
