import Failures
import Files

/// A directory of tokens, records or images that has been checked and can be read.
package struct Dataset: Sendable {
    /// Where it is.
    package let directory: String
    /// What it is made of.
    package let kind: DatasetKind
    /// What turned its text into tokens.
    package let tokenizer: TokenizerDescription
    /// The bytes of the tokenizer's model, whose hash has been compared; empty where it has none.
    package let tokenizerModel: [UInt8]
    /// The number of distinct tokens, special ones included; every token is in 0..<vocabularySize.
    package let vocabularySize: Int
    /// What the labels of its records mean; nil where they have none.
    package let labels: LabelDescription?
    /// The size of its images; nil where it has none.
    package let imageShape: ImageShape?
    /// What to compare between ranks, and with a checkpoint: an XXH3-128 over the tokenizer and, for every shard,
    /// its counts and hashes in the manifest; without a manifest, over names, sizes and token counts.
    package let digest: String
    let shards: [Split: [TokenShard]]
    let manifest: DatasetManifest?

    /// The tokens that stand for no text, each nil where the tokenizer has none.
    package var specialTokens: SpecialTokens { tokenizer.specialTokens }

    /// The number of tokens in a split of text.
    package func tokenCount(_ split: Split) -> Int {
        shards[split, default: []].reduce(0) { $0 + $1.tokenCount }
    }

    /// The number of records in a split; 0 for text.
    package func recordCount(_ split: Split) -> Int {
        (manifest?.records?[split] ?? []).reduce(0) { $0 + $1.count }
    }

    /// A reader of one split of text, for one thread.
    package func stream(_ split: Split) -> TokenStream {
        TokenStream(
            name: "\(directory) (\(split.rawValue))", shards: shards[split, default: []],
            vocabularySize: vocabularySize,
            origin: SplitOrigin(
                split: split, otherTokens: tokenCount(split == .train ? .validation : .train),
                isPrepared: manifest != nil))
    }

    /// A reader of the records of one split, for one thread; of none where the split or the dataset has none.
    ///
    /// - Throws: `badData` where a file is not what the manifest promises.
    /// - Complexity: O(records): their ends and labels are read.
    package func records(_ split: Split) throws(Failure) -> Records {
        try Records(
            name: "\(directory) (\(split.rawValue))", directory: directory, shards: manifest?.records?[split] ?? [],
            layout: RecordLayout(columns: kind.columns, labels: labels, image: imageShape),
            vocabularySize: vocabularySize)
    }

    /// Makes the dataset's tokenizer.
    package func makeTokenizer() throws(Failure) -> any Tokenizer {
        try Datasets.makeTokenizer(
            tokenizer, vocabularySize: vocabularySize, model: tokenizerModel, source: "The dataset \(directory)")
    }

    /// The failure of a file with another hash than recorded.
    static func hashChanged(_ path: String, _ found: String, _ recorded: String) -> Failure {
        Failure(
            .badData,
            "\(path): its hash changed: it has XXH3-128 \(found), \(DatasetManifest.fileName) says "
                + "\(recorded). The file is damaged or was replaced; copy or prepare the dataset again.")
    }
}
