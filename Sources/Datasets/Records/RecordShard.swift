/// A file of a dataset, as its manifest records it.
package struct RecordedFile: Codable, Equatable, Sendable {
    /// Its name in the dataset's directory.
    package var file: String
    /// Its size.
    package var bytes: Int
    /// The XXH3-128 of the file, 32 hexadecimal digits.
    package var digest: String

    enum CodingKeys: String, CodingKey {
        case file, bytes
        case digest = "xxh3_128"
    }
}

/// Some records of a split, as the manifest records their files. All numbers in them are little-endian.
package struct RecordShard: Codable, Equatable, Sendable {
    /// The number of records.
    package var count: Int
    /// The columns by their names; empty for images.
    package var columns: [String: Column]
    /// A label a record: a class is a `UInt32`, a number a `Float`, several classes a row of bits, the first lowest.
    package var labels: RecordedFile?
    /// The bytes of each image.
    package var pixels: RecordedFile?

    /// A column of tokens.
    package struct Column: Codable, Equatable, Sendable {
        /// The tokens of all records, one record after another.
        package var tokens: DatasetManifest.Shard
        /// For each record the index of the token after its last, as a `UInt32`.
        package var ends: RecordedFile

        var files: [RecordedFile] { [tokens.recorded, ends] }
    }

    /// All its files, in a fixed order.
    var files: [RecordedFile] {
        columns.sorted { $0.key < $1.key }.flatMap(\.value.files) + [labels, pixels].compactMap { $0 }
    }
}
