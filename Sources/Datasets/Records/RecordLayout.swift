/// The fields of a dataset's records.
struct RecordLayout: Equatable, Sendable {
    let columns: [RecordColumn]
    let labels: LabelDescription?
    let image: ImageShape?

    /// The size of an end offset in bytes.
    static let endBytes = 4
    /// The maximum number of records per shard.
    static let maximumRecordCount = Int(Int32.max)
}
