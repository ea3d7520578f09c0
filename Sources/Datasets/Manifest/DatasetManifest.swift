import Tensors
import Tokenizers

/// A part of a dataset.
package enum Split: String, CaseIterable, Sendable {
    /// The training data.
    case train
    /// Held-out data, never used for training.
    case validation
}

/// The contents of `dataset.json`: how a dataset was made, and all files with sizes and hashes.
///
/// It is written last, so a directory with this file is complete.
package struct DatasetManifest: Codable, Equatable, Sendable {
    /// The file name in the dataset's directory.
    package static let fileName = "dataset.json"
    /// The version that this program writes.
    package static let currentVersion = 3
    /// The versions that this program reads. Version 1 had only plain text and no special tokens; version 2 had no
    /// checksum.
    package static let readableVersions = 1...currentVersion

    /// The maximum size of a chat template in bytes.
    package static let chatTemplateBytesLimit = 1 << 17

    /// The version of the manifest format.
    package var version = DatasetManifest.currentVersion
    /// The kind of the records.
    package var kind: DatasetKind
    /// The tokenizer of the text; its kind is `none` for images.
    package var tokenizer: TokenizerDescription
    /// The file of the tokenizer's model; nil if it has none.
    package var tokenizerModel: RecordedFile?
    /// The number of distinct tokens or pixel values.
    package var vocabularySize: Int
    /// The kind and names of the labels; nil without labels.
    package var labels: LabelDescription?
    /// The size of the images; nil for text.
    package var image: ImageShape?
    /// The chat template of conversations; nil for other kinds.
    package var chatTemplate: String?
    /// The shards of plain text; empty for records.
    package var splits: Splits<Shard>
    /// The shards of records; nil for plain text.
    package var records: Splits<RecordShard>?
    /// The files from which the dataset was made.
    package var sources: [Source]

    package init(
        kind: DatasetKind, tokenizer: TokenizerDescription, tokenizerModel: RecordedFile? = nil, vocabularySize: Int,
        labels: LabelDescription? = nil, image: ImageShape? = nil, chatTemplate: String? = nil, splits: Splits<Shard>,
        records: Splits<RecordShard>? = nil, sources: [Source]
    ) {
        (self.kind, self.tokenizer, self.tokenizerModel) = (kind, tokenizer, tokenizerModel)
        (self.vocabularySize, self.labels, self.image) = (vocabularySize, labels, image)
        self.chatTemplate = chatTemplate
        (self.splits, self.records, self.sources) = (splits, records, sources)
    }

    /// The shards of each split, in order.
    package struct Splits<Item: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
        package var train: [Item]
        package var validation: [Item]

        package init(train: [Item], validation: [Item]) {
            (self.train, self.validation) = (train, validation)
        }

        /// Splits without shards.
        package static var none: Self { Self(train: [], validation: []) }

        /// The shards of a split.
        package subscript(split: Split) -> [Item] {
            switch split {
            case .train: train
            case .validation: validation
            }
        }
    }

    /// A file of tokens.
    package struct Shard: Codable, Equatable, Sendable {
        /// The file name in the dataset's directory.
        package var file: String
        /// The number of tokens.
        package var tokens: Int
        /// The file's size in bytes.
        package var bytes: Int
        /// The XXH3-128 of the file, 32 hexadecimal digits.
        package var digest: String

        package init(file: String, tokens: Int, bytes: Int, digest: String) {
            (self.file, self.tokens, self.bytes, self.digest) = (file, tokens, bytes, digest)
        }

        enum CodingKeys: String, CodingKey {
            case file, tokens, bytes
            case digest = "xxh3_128"
        }

        /// The file's name, size and hash.
        var recorded: RecordedFile { RecordedFile(file: file, bytes: bytes, digest: digest) }
    }

    /// A source file of the dataset.
    package struct Source: Codable, Equatable, Sendable {
        /// The file name, without directories.
        package var file: String
        /// The size in bytes.
        package var bytes: Int

        package init(file: String, bytes: Int) { (self.file, self.bytes) = (file, bytes) }
    }

    /// All files of the dataset except the manifest.
    var files: [RecordedFile] {
        [tokenizerModel].compactMap { $0 }
            + Split.allCases.flatMap { splits[$0].map(\.recorded) + (records?[$0].flatMap(\.files) ?? []) }
    }

    enum CodingKeys: String, CodingKey {
        case version, kind, tokenizer
        case tokenizerModel = "tokenizer_model"
        case vocabularySize = "vocabulary_size"
        case labels, image, splits, records, sources
        case chatTemplate = "chat_template"
    }
}

extension DatasetManifest {
    /// Decodes a manifest of any supported version.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        version = try values.decode(Int.self, forKey: .version)
        kind = version == 1 ? .text : try values.decode(DatasetKind.self, forKey: .kind)
        tokenizer = try values.decode(TokenizerDescription.self, forKey: .tokenizer)
        tokenizerModel = try values.decodeIfPresent(RecordedFile.self, forKey: .tokenizerModel)
        vocabularySize = try values.decode(Int.self, forKey: .vocabularySize)
        labels = try values.decodeIfPresent(LabelDescription.self, forKey: .labels)
        image = try values.decodeIfPresent(ImageShape.self, forKey: .image)
        chatTemplate = try values.decodeIfPresent(String.self, forKey: .chatTemplate)
        splits = try values.decode(Splits<Shard>.self, forKey: .splits)
        records = try values.decodeIfPresent(Splits<RecordShard>.self, forKey: .records)
        sources = try values.decode([Source].self, forKey: .sources)
    }
}
