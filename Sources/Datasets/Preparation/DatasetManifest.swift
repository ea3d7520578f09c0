/// The part of a dataset that training or evaluation reads.
package enum Split: String, CaseIterable, Sendable {
    /// What the weights are trained on.
    case train
    /// Held-out text that the model never trains on.
    case validation
}

/// What `dataset.json` says: how a dataset was made, and every file with its size and hash.
///
/// It is written last, so that a directory that has one is complete.
package struct DatasetManifest: Codable, Equatable, Sendable {
    /// Its name in the dataset's directory.
    package static let fileName = "dataset.json"
    /// The version that this program writes.
    package static let currentVersion = 3
    /// The versions that this program reads. The first knew plain text alone, and no special tokens; the second was not
    /// sealed.
    package static let readableVersions = 1...currentVersion

    /// The version of the manifest's form.
    package var version = DatasetManifest.currentVersion
    /// What the dataset is made of.
    package var kind: DatasetKind
    /// What turned the text into tokens; of kind `none` for images.
    package var tokenizer: TokenizerDescription
    /// The file of the tokenizer's model, where it has one.
    package var tokenizerModel: RecordedFile?
    /// The number of distinct tokens, or of values of a pixel.
    package var vocabularySize: Int
    /// What the labels mean, where there are some.
    package var labels: LabelDescription?
    /// The size of the images, where there are some.
    package var image: ImageShape?
    /// The shards of text; none where the dataset has records.
    package var splits: Splits<Shard>
    /// The shards of records; nil for text.
    package var records: Splits<RecordShard>?
    /// The files that the dataset was made from.
    package var sources: [Source]

    /// The shards of each split, in order.
    package struct Splits<Item: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
        package var train: [Item]
        package var validation: [Item]

        /// No shards.
        static var none: Self { Self(train: [], validation: []) }

        /// The shards of one of them.
        package subscript(split: Split) -> [Item] {
            switch split {
            case .train: train
            case .validation: validation
            }
        }
    }

    /// A file of tokens.
    package struct Shard: Codable, Equatable, Sendable {
        /// Its name in the dataset's directory.
        package var file: String
        /// The number of its tokens.
        package var tokens: Int
        /// The size of the file.
        package var bytes: Int
        /// The XXH3-128 of the file, 32 hexadecimal digits.
        package var digest: String

        enum CodingKeys: String, CodingKey {
            case file, tokens, bytes
            case digest = "xxh3_128"
        }

        /// The file without what is in it.
        var recorded: RecordedFile { RecordedFile(file: file, bytes: bytes, digest: digest) }
    }

    /// A file that went into the dataset.
    package struct Source: Codable, Equatable, Sendable {
        /// Its name, without directories.
        package var file: String
        /// Its size.
        package var bytes: Int
    }

    /// All files of the dataset but the manifest.
    var files: [RecordedFile] {
        [tokenizerModel].compactMap { $0 }
            + Split.allCases.flatMap { splits[$0].map(\.recorded) + (records?[$0].flatMap(\.files) ?? []) }
    }

    enum CodingKeys: String, CodingKey {
        case version, kind, tokenizer
        case tokenizerModel = "tokenizer_model"
        case vocabularySize = "vocabulary_size"
        case labels, image, splits, records, sources
    }
}

extension DatasetManifest {
    /// Reads a manifest of any version that this program reads.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        version = try values.decode(Int.self, forKey: .version)
        kind = version == 1 ? .text : try values.decode(DatasetKind.self, forKey: .kind)
        tokenizer = try values.decode(TokenizerDescription.self, forKey: .tokenizer)
        tokenizerModel = try values.decodeIfPresent(RecordedFile.self, forKey: .tokenizerModel)
        vocabularySize = try values.decode(Int.self, forKey: .vocabularySize)
        labels = try values.decodeIfPresent(LabelDescription.self, forKey: .labels)
        image = try values.decodeIfPresent(ImageShape.self, forKey: .image)
        splits = try values.decode(Splits<Shard>.self, forKey: .splits)
        records = try values.decodeIfPresent(Splits<RecordShard>.self, forKey: .records)
        sources = try values.decode([Source].self, forKey: .sources)
    }
}
