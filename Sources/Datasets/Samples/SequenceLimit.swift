import Failures

/// What becomes of records that are longer than the context.
struct SequenceLimit {
    /// The tokens of a column that fit.
    private let limit: Int
    private let truncates: Bool
    /// The records that lose tokens.
    private(set) var truncatedCount = 0

    /// Checks every record of `columns`.
    ///
    /// - Parameters:
    ///   - extra: The special tokens that each sequence has besides its own.
    ///   - truncates: Whether longer ones lose what is beyond.
    /// - Throws: `badData` for the first record that is too long where none may lose anything.
    init(
        _ records: Records, _ columns: [RecordColumn], contextLength: Int, extra: Int, truncates: Bool
    ) throws(Failure) {
        limit = contextLength - extra
        self.truncates = truncates
        guard limit > 0 else {
            throw Failure(
                .usage, "data.context_length is \(contextLength); at least \(extra + 1) is needed.")
        }
        for record in 0..<records.count {
            var isTruncated = false
            for column in columns where records.length(record, column) > limit {
                guard truncates else {
                    throw Failure(
                        .badData,
                        "\(records.name), record \(record + 1): its \(column.rawValue) has "
                            + "\(records.length(record, column)) tokens; data.context_length \(contextLength) holds "
                            + "\(limit) of a record. Raise data.context_length, or set data.truncate to true.")
                }
                isTruncated = true
            }
            if isTruncated { truncatedCount += 1 }
        }
    }

    /// The tokens of a record that are read.
    func length(_ records: Records, _ record: Int, _ column: RecordColumn) -> Int {
        truncates ? min(limit, records.length(record, column)) : records.length(record, column)
    }
}
