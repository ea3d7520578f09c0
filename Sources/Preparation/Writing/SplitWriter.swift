import Datasets
import Failures

/// Writes the tokens of a split to a sequence of shards.
struct SplitWriter: ~Copyable {
    private let directory: String
    private let split: Split
    private let format: TokenShardFormat
    private let tokensPerShard: Int
    private var writer: TokenShardWriter?
    private var finished: [DatasetManifest.Shard] = []

    init(directory: String, split: Split, format: TokenShardFormat, tokensPerShard: Int) {
        self.directory = directory
        self.split = split
        self.format = format
        self.tokensPerShard = tokensPerShard
    }

    /// Appends `tokens`, and starts a new shard whenever one is full.
    mutating func append(_ tokens: ArraySlice<Int32>) throws(Failure) {
        var rest = tokens
        while !rest.isEmpty {
            var current = try takeWriter()
            let part = rest.prefix(tokensPerShard - current.tokenCount)
            try current.append(part)
            rest = rest.dropFirst(part.count)
            if current.tokenCount == tokensPerShard {
                finished.append(try current.finish())
            } else {
                writer = consume current
            }
        }
    }

    /// Finishes the last shard and returns all of them; empty if there were no tokens.
    consuming func finish() throws(Failure) -> [DatasetManifest.Shard] {
        guard let last = writer.take() else { return finished }
        return finished + [try last.finish()]
    }

    private mutating func takeWriter() throws(Failure) -> TokenShardWriter {
        if let writer = writer.take() { return writer }
        return try TokenShardWriter(
            "\(directory)/\(FileName.shard(split, finished.count))\(FileName.tokens)", format: format)
    }
}
