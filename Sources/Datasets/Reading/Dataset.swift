import Failures
import Files

/// A directory of token shards that has been checked and can be read.
package struct Dataset: Sendable {
    /// Where it is.
    package let directory: String
    /// What turned its text into tokens.
    package let tokenizer: TokenizerDescription
    /// The number of distinct tokens; every token is in 0..<vocabularySize.
    package let vocabularySize: Int
    /// What to compare between ranks, and with a checkpoint: an XXH3-128 over the tokenizer and, for every shard,
    /// its token count and its hash in the manifest; without a manifest, over names, sizes and token counts.
    package let digest: String
    let shards: [Split: [TokenShard]]
    let manifest: DatasetManifest?

    /// The number of tokens in a split.
    package func tokenCount(_ split: Split) -> Int {
        shards[split, default: []].reduce(0) { $0 + $1.tokenCount }
    }

    /// A reader of one split, for one thread.
    package func stream(_ split: Split) -> TokenStream {
        TokenStream(
            name: "\(directory) (\(split.rawValue))", shards: shards[split, default: []],
            vocabularySize: vocabularySize)
    }

    /// Makes the dataset's tokenizer.
    package func makeTokenizer() throws(Failure) -> any Tokenizer {
        try Datasets.makeTokenizer(tokenizer, vocabularySize: vocabularySize)
    }

    /// Reads every shard and compares its hash with the manifest's. Without a manifest there is nothing to compare.
    ///
    /// - Parameter progress: Called about ten times a second, and at the end.
    /// - Throws: `badData`, naming the shard whose hash changed.
    package func verifyShards(
        _ progress: (_ bytesDone: Int, _ bytesTotal: Int) -> Void = { _, _ in }
    ) throws(Failure) {
        guard let manifest else { return }
        let recorded = Split.allCases.flatMap { manifest.splits[$0] }
        var meter = ProgressMeter(total: recorded.reduce(0) { $0 + $1.bytes })
        for shard in recorded {
            let path = "\(directory)/\(shard.file)"
            var before = 0
            let digest = try TokenShard.digest(ofFile: path) { done in
                meter.advance(by: done - before, progress)
                before = done
            }
            guard digest == shard.digest else {
                throw Failure(
                    .badData,
                    "\(path): its hash changed: it has XXH3-128 \(digest), \(DatasetManifest.fileName) says "
                        + "\(shard.digest). The file is damaged or was replaced; copy or prepare the dataset again.")
            }
        }
    }
}
