import Tensors

/// The fields of a dataset's records.
package struct RecordLayout: Equatable, Sendable {
    package let columns: [RecordColumn]
    package let labels: LabelDescription?
    package let image: ImageShape?

    package init(columns: [RecordColumn], labels: LabelDescription?, image: ImageShape?) {
        (self.columns, self.labels, self.image) = (columns, labels, image)
    }

    /// The size of an end offset in bytes.
    static let endBytes = 4
    /// The maximum number of records per shard.
    package static let maximumRecordCount = Int(Int32.max)
}
