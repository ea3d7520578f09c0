import Failures

/// The treatment of records that are longer than the context.
struct SequenceLimit {
    /// The maximum number of tokens in a column.
    private let limit: Int
    private let truncates: Bool
    /// The number of records that are truncated.
    private(set) var truncatedCount = 0

    /// Checks the length of every record in `columns`.
    ///
    /// - Parameters:
    ///   - truncates: Whether longer records are truncated.
    /// - Throws: `badData` for the first record that is too long if `truncates` is false.
    init(
        _ records: Records, _ columns: [RecordColumn], contextLength: Int, truncates: Bool
    ) throws(Failure) {
        limit = contextLength - RecordColumn.addedTokenCount
        self.truncates = truncates
        guard limit > 0 else {
            throw Failure(
                .usage,
                "data.context_length is \(contextLength); at least \(RecordColumn.addedTokenCount + 1) is needed.")
        }
        for record in 0..<records.count {
            var isTruncated = false
            for column in columns where records.length(record, column) > limit {
                guard truncates else {
                    throw Failure(
                        .badData,
                        "\(records.name), record \(record + 1): its \(column.rawValue) has "
                            + "\(records.length(record, column)) tokens; data.context_length \(contextLength) allows "
                            + "at most \(limit). Raise data.context_length, or set data.truncate to true.")
                }
                isTruncated = true
            }
            if isTruncated { truncatedCount += 1 }
        }
    }

    /// The number of tokens of a record after truncation.
    func length(_ records: Records, _ record: Int, _ column: RecordColumn) -> Int {
        truncates ? min(limit, records.length(record, column)) : records.length(record, column)
    }
}
