/// The part of a dataset that training or evaluation reads.
package enum Split: String, CaseIterable, Sendable {
    /// What the weights are trained on.
    case train
    /// Held-out text that the model never trains on.
    case validation
}

/// What `dataset.json` says: how a dataset was made, and every shard with its size and hash.
///
/// It is written last, so that a directory that has one is complete.
package struct DatasetManifest: Codable, Equatable, Sendable {
    /// Its name in the dataset's directory.
    package static let fileName = "dataset.json"
    /// The version that this program writes, and the only one that it reads.
    package static let currentVersion = 1

    /// The version of the manifest's form.
    package var version = DatasetManifest.currentVersion
    /// What turned the text into tokens.
    package var tokenizer: TokenizerDescription
    /// The number of distinct tokens.
    package var vocabularySize: Int
    /// The shards.
    package var splits: Splits
    /// The texts that the shards were made from.
    package var sources: [Source]

    /// The shards of each split, in order.
    package struct Splits: Codable, Equatable, Sendable {
        package var train: [Shard]
        package var validation: [Shard]

        /// The shards of one of them.
        package subscript(split: Split) -> [Shard] {
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
    }

    /// A text that went into the dataset.
    package struct Source: Codable, Equatable, Sendable {
        /// Its name, without directories.
        package var file: String
        /// Its size.
        package var bytes: Int
    }

    enum CodingKeys: String, CodingKey {
        case version, tokenizer
        case vocabularySize = "vocabulary_size"
        case splits, sources
    }
}
