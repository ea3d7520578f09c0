import Tensors
import Failures
import Tokenizers

/// A dataset directory that has been opened and checked.
package struct Dataset: Sendable {
    /// The dataset's directory.
    package let directory: String
    /// The kind of its records.
    package let kind: DatasetKind
    /// The tokenizer of its text.
    package let tokenizer: TokenizerDescription
    /// The bytes of the tokenizer's model, with a verified hash; empty if it has none.
    package let tokenizerModel: [UInt8]
    /// The number of distinct tokens, including special ones; every token is in 0..<vocabularySize.
    package let vocabularySize: Int
    /// The kind and names of the labels; nil without labels.
    package let labels: LabelDescription?
    /// The size of the images; nil without images.
    package let imageShape: ImageShape?
    /// The chat template of conversations; nil for other kinds.
    package let chatTemplate: String?
    /// The identity of the dataset, compared between ranks and with checkpoints: an XXH3-128 over the tokenizer and,
    /// for every shard, the counts and hashes in the manifest; without a manifest, over names, sizes and token counts.
    package let digest: String
    let shards: [Split: [TokenShard]]
    let manifest: DatasetManifest?

    /// The special tokens.
    package var specialTokens: SpecialTokens { tokenizer.specialTokens }

    /// The number of tokens of a text split.
    package func tokenCount(_ split: Split) -> Int {
        shards[split, default: []].reduce(0) { $0 + $1.tokenCount }
    }

    /// The number of records in a split; 0 for plain text.
    package func recordCount(_ split: Split) -> Int {
        (manifest?.records?[split] ?? []).reduce(0) { $0 + $1.count }
    }

    /// Creates a reader of a text split, for use by one thread.
    package func stream(_ split: Split) -> TokenStream {
        TokenStream(
            name: "\(directory) (\(split.rawValue))", shards: shards[split, default: []],
            vocabularySize: vocabularySize,
            origin: SplitOrigin(
                split: split, otherTokens: tokenCount(split == .train ? .validation : .train),
                isPrepared: manifest != nil))
    }

    /// Creates a reader of the records of a split, for use by one thread; it is empty if there are no records.
    ///
    /// - Throws: `badData` if a file differs from the manifest.
    /// - Complexity: O(records): reads their end offsets and labels.
    package func records(_ split: Split) throws(Failure) -> Records {
        try Records(
            name: "\(directory) (\(split.rawValue))", directory: directory, shards: manifest?.records?[split] ?? [],
            layout: RecordLayout(columns: kind.columns, labels: labels, image: imageShape),
            vocabularySize: vocabularySize)
    }

    /// Creates the dataset's tokenizer.
    package func makeTokenizer() throws(Failure) -> any Tokenizer {
        try Tokenizers.makeTokenizer(
            tokenizer, vocabularySize: vocabularySize, model: tokenizerModel, source: "The dataset \(directory)")
    }

    /// The error for a file whose hash differs from the manifest.
    static func hashChanged(_ path: String, _ found: String, _ recorded: String) -> Failure {
        Failure(
            .badData,
            "\(path): its hash changed: it has XXH3-128 \(found), but \(DatasetManifest.fileName) says "
                + "\(recorded). The file is damaged or was replaced; copy or prepare the dataset again.")
    }
}
