import Datasets
import Failures

/// A label to be written.
enum RecordLabel: Equatable, Sendable {
    case `class`(Int)
    case classes([Int])
    case number(Float)
}

/// Writes the records of a split to a sequence of shards.
struct RecordSplitWriter: ~Copyable {
    private let directory: String
    private let split: Split
    private let layout: RecordLayout
    private let format: TokenShardFormat
    private let tokensPerShard: Int
    private var shard: OpenShard?
    private var finished: [RecordShard] = []

    /// - Parameters:
    ///   - tokensPerShard: A shard is full when a column has this many tokens, or its images eight times as many bytes.
    init(directory: String, split: Split, layout: RecordLayout, format: TokenShardFormat, tokensPerShard: Int) {
        self.directory = directory
        self.split = split
        self.layout = layout
        self.format = format
        self.tokensPerShard = tokensPerShard
    }

    /// Appends a record.
    ///
    /// - Parameters:
    ///   - columns: The tokens for each of the layout's columns; none may be empty.
    ///   - label: The label, if the layout has labels.
    ///   - pixels: The pixels, if the layout has images.
    mutating func append(
        columns: [[Int32]] = [], label: RecordLabel? = nil, pixels: [UInt8]? = nil
    ) throws(Failure) {
        let open: OpenShard
        if let shard { open = shard } else { open = try OpenShard(base(finished.count), layout, format) }
        try open.append(columns, label, pixels)
        if open.isFull(tokensPerShard) {
            finished.append(try open.finish())
            shard = nil
        } else {
            shard = open
        }
    }

    /// Finishes the last shard and returns all of them; empty if there were no records.
    consuming func finish() throws(Failure) -> [RecordShard] {
        guard let shard else { return finished }
        return finished + [try shard.finish()]
    }

    private func base(_ index: Int) -> String { "\(directory)/\(FileName.shard(split, index))" }
}

/// The shard that is currently written.
private final class OpenShard {
    private let layout: RecordLayout
    private let columns: [ColumnWriter]
    private let labels: RecordFileWriter?
    private let pixels: RecordFileWriter?
    private var count = 0

    init(_ base: String, _ layout: RecordLayout, _ format: TokenShardFormat) throws(Failure) {
        self.layout = layout
        var columns: [ColumnWriter] = []
        for column in layout.columns { columns.append(try ColumnWriter("\(base)-\(column.rawValue)", format)) }
        self.columns = columns
        labels = layout.labels == nil ? nil : try RecordFileWriter(base + FileName.labels)
        pixels = layout.image == nil ? nil : try RecordFileWriter(base + FileName.pixels)
    }

    func append(_ rows: [[Int32]], _ label: RecordLabel?, _ bytes: [UInt8]?) throws(Failure) {
        precondition(rows.count == columns.count && (label != nil) == (labels != nil), "a record of another layout")
        for (column, row) in zip(columns, rows) { try column.append(row) }
        switch label {
        case .class(let index): try labels?.append(UInt32(index))
        case .number(let value): try labels?.append(value.bitPattern)
        case .classes(let indices): try labels?.append(bits(indices))
        case nil: break
        }
        if let bytes { try pixels?.append(bytes) }
        count += 1
    }

    /// Whether no further record fits in the shard.
    func isFull(_ limit: Int) -> Bool {
        let pixels = count.multipliedReportingOverflow(by: layout.image?.byteCount ?? 0)
        return columns.contains { $0.tokenCount >= limit } || pixels.overflow || pixels.partialValue >= 8 * limit
            || count >= RecordLayout.maximumRecordCount
    }

    func finish() throws(Failure) -> RecordShard {
        var recorded: [String: RecordShard.Column] = [:]
        for (column, writer) in zip(layout.columns, columns) { recorded[column.rawValue] = try writer.finish() }
        return RecordShard(
            count: count, columns: recorded, labels: try labels?.finish(), pixels: try pixels?.finish())
    }

    private func bits(_ indices: [Int]) -> [UInt8] {
        var row = [UInt8](repeating: 0, count: layout.labels?.labelBytes ?? 0)
        for index in indices { row[index / 8] |= 1 << UInt8(index % 8) }
        return row
    }
}

private final class ColumnWriter {
    private var tokens: TokenShardWriter?
    private let ends: RecordFileWriter
    private(set) var tokenCount = 0

    init(_ base: String, _ format: TokenShardFormat) throws(Failure) {
        tokens = try TokenShardWriter(base + FileName.tokens, format: format)
        ends = try RecordFileWriter(base + FileName.ends)
    }

    func append(_ row: [Int32]) throws(Failure) {
        try tokens?.append(row[...])
        tokenCount += row.count
        try ends.append(UInt32(tokenCount))
    }

    func finish() throws(Failure) -> RecordShard.Column {
        guard let tokens = tokens.take() else { preconditionFailure("the column is already finished") }
        return RecordShard.Column(tokens: try tokens.finish(), ends: try ends.finish())
    }
}
