/// A file of a dataset, as recorded in its manifest.
package struct RecordedFile: Codable, Equatable, Sendable {
    /// The file name in the dataset's directory.
    package var file: String
    /// The size in bytes.
    package var bytes: Int
    /// The XXH3-128 of the file, 32 hexadecimal digits.
    package var digest: String

    package init(file: String, bytes: Int, digest: String) {
        (self.file, self.bytes, self.digest) = (file, bytes, digest)
    }

    enum CodingKeys: String, CodingKey {
        case file, bytes
        case digest = "xxh3_128"
    }
}

/// The files of a shard of records, as recorded in the manifest. All numbers in the files are little-endian.
package struct RecordShard: Codable, Equatable, Sendable {
    /// The number of records.
    package var count: Int
    /// The columns by their names; empty for images.
    package var columns: [String: Column]
    /// One label per record: a class as `UInt32`, a number as `Float`, or for multi-label records one bit per class,
    /// least significant first.
    package var labels: RecordedFile?
    /// The pixels of each image.
    package var pixels: RecordedFile?

    package init(count: Int, columns: [String: Column], labels: RecordedFile? = nil, pixels: RecordedFile? = nil) {
        (self.count, self.columns, self.labels, self.pixels) = (count, columns, labels, pixels)
    }

    /// A column of tokens.
    package struct Column: Codable, Equatable, Sendable {
        /// The concatenated tokens of all records.
        package var tokens: DatasetManifest.Shard
        /// For each record, the end offset of its tokens as `UInt32`.
        package var ends: RecordedFile

        package init(tokens: DatasetManifest.Shard, ends: RecordedFile) {
            (self.tokens, self.ends) = (tokens, ends)
        }

        var files: [RecordedFile] { [tokens.recorded, ends] }
    }

    /// All files, in a fixed order.
    var files: [RecordedFile] {
        columns.sorted { $0.key < $1.key }.flatMap(\.value.files) + [labels, pixels].compactMap { $0 }
    }
}
