import Failures

/// The tokens of a split as one sequence, read from disk on demand. For use by one thread at a time.
package final class TokenStream {
    /// The number of tokens in all shards.
    package let tokenCount: Int
    /// The dataset and the split, for error messages.
    let name: String
    /// The origin of the tokens; nil for a column of records.
    private let origin: SplitOrigin?
    private let shards: [TokenShard]
    /// The index of each shard's first token.
    private let starts: [Int]
    let vocabularySize: Int
    private let files: ShardFiles
    private let buffer: UnsafeMutableRawBufferPointer

    init(name: String, shards: [TokenShard], vocabularySize: Int, origin: SplitOrigin? = nil) {
        self.name = name
        self.origin = origin
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
        files = ShardFiles(shards.map { .init(path: $0.path, stamp: $0.stamp, digest: $0.recordedDigest) })
        buffer = .allocate(byteCount: 1 << 16, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Reads `count` tokens, starting at index `offset`.
    ///
    /// - Parameters:
    ///   - offset: The index of the first token; offset + count must not exceed `tokenCount`.
    ///   - count: The number of tokens.
    ///   - tokens: The destination, shape [count].
    /// - Throws: `badData` for a token outside the vocabulary, with its shard, byte offset and value.
    /// - Complexity: O(count + log(shards)); allocates nothing unless a shard has to be opened.
    package func read(at offset: Int, count: Int, into tokens: UnsafeMutablePointer<Int32>) throws(Failure) {
        precondition(offset >= 0 && count >= 0 && offset <= tokenCount - count, "tokens outside the split")
        var done = 0
        var index = shardIndex(of: offset)
        while done < count {
            let shard = shards[index]
            let first = offset + done - starts[index]
            let part = min(count - done, shard.tokenCount - first)
            try read(shard, try files.file(index), from: first, count: part, into: tokens + done)
            done += part
            index += 1
        }
    }

    /// Checks that the split has enough tokens for one sample.
    ///
    /// - Parameter extra: The number of tokens that a sample reads beyond its context; negative if the sample itself
    ///   adds some tokens of the context.
    /// - Throws: `badData` if the split is too short, `usage` if the context length is not positive.
    func require(_ contextLength: Int, extra: Int) throws(Failure) {
        guard contextLength > 0 else {
            throw Failure(.usage, "data.context_length is \(contextLength); at least 1 is needed.")
        }
        guard tokenCount - extra >= contextLength else {
            // The largest context length for which the split is long enough.
            let most = tokenCount - max(0, extra)
            let needed = min(contextLength, Int.max - 1) + extra
            let remedy = origin?.remedy(tokens: tokenCount, needed: needed) ?? "Prepare more text"
            throw Failure(
                .badData,
                "\(name): \(counted(tokenCount, "token")); data.context_length \(contextLength) needs at least \(needed) tokens in a "
                    + "split. \(remedy)\(most > 0 ? ", or set data.context_length to at most \(most)" : "").")
        }
    }

    private func read(
        _ shard: TokenShard, _ open: ShardFiles.Opened, from first: Int, count: Int,
        into tokens: UnsafeMutablePointer<Int32>
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
            guard largest < vocabularySize else {
                throw shard.outsideVocabulary(vocabularySize, UnsafeRawBufferPointer(bytes), first: first + done)
            }
            done += part
        }
    }

    /// Converts `stored` to Int32 and returns the largest token. Values that do not fit in Int32 are truncated; the
    /// caller rejects them, since they exceed every vocabulary.
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

    /// The index of the last shard that starts at or before `offset`.
    private func shardIndex(of offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
