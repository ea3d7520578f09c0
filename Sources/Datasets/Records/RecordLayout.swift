/// What each record of a dataset has, and how wide it is on the disk.
struct RecordLayout: Equatable, Sendable {
    let columns: [RecordColumn]
    let labels: LabelDescription?
    let image: ImageShape?

    /// Bytes of the end of a record's tokens.
    static let endBytes = 4
    /// The most records in a shard.
    static let maximumRecordCount = Int(Int32.max)
}
