import Failures
import Files

/// The records of a split. For use by one thread at a time.
///
/// Their end offsets and labels are held in memory; tokens and pixels are read on demand. Nothing is allocated after
/// opening, except when a shard has to be opened.
package final class Records {
    /// The number of records.
    package let count: Int
    /// The dataset and the split, for error messages.
    package let name: String
    private let columns: [Column]
    private let labels: RecordLabels?
    private let pixels: RecordPixels?

    /// A column with the end offset of each record's tokens.
    private struct Column {
        let column: RecordColumn
        let stream: TokenStream
        let ends: [Int]

        func start(_ record: Int) -> Int { record == 0 ? 0 : ends[record - 1] }
    }

    init(
        name: String, directory: String, shards: [RecordShard], layout: RecordLayout, vocabularySize: Int
    ) throws(Failure) {
        self.name = name
        // The sum cannot overflow: each shard has fewer than 2³¹ records, which its file sizes confirm.
        let count = shards.reduce(0) { $0 + $1.count }
        self.count = count
        var columns: [Column] = []
        for column in layout.columns {
            let parts = shards.compactMap { $0.columns[column.rawValue] }
            var tokens: [TokenShard] = []
            for part in parts { tokens.append(try TokenShard(part.tokens, in: directory)) }
            let stream = TokenStream(
                name: "\(name), \(column.rawValue)", shards: tokens, vocabularySize: vocabularySize)
            let ends = try Records.readEnds(parts, count: count, directory)
            columns.append(Column(column: column, stream: stream, ends: ends))
        }
        self.columns = columns
        if let labels = layout.labels {
            self.labels = try RecordLabels(labels, shards.compactMap(\.labels), count: count, directory)
        } else {
            labels = nil
        }
        if let image = layout.image {
            pixels = try RecordPixels(image, shards, directory)
        } else {
            pixels = nil
        }
    }

    /// The number of tokens of a record in a column; at least 1.
    package func length(_ record: Int, _ column: RecordColumn) -> Int {
        let column = self[column]
        return column.ends[record] - column.start(record)
    }

    /// Reads tokens of a record.
    ///
    /// - Parameters:
    ///   - record: The record's index, in 0..<count.
    ///   - column: One of the dataset's columns.
    ///   - first: The index of the first token within the record.
    ///   - count: The number of tokens; first + count must not exceed the record's length.
    ///   - tokens: The destination, shape [count].
    /// - Throws: `badData` for a token outside the vocabulary, with its file, byte offset and value.
    package func read(
        _ record: Int, _ column: RecordColumn, from first: Int, count: Int, into tokens: UnsafeMutablePointer<Int32>
    ) throws(Failure) {
        precondition(first >= 0 && count >= 0 && first <= length(record, column) - count, "tokens outside the record")
        let column = self[column]
        try column.stream.read(at: column.start(record) + first, count: count, into: tokens)
    }

    /// The class index of a record, for single-label datasets.
    package func classIndex(of record: Int) -> Int32 { labelsOrTrap.classIndex(of: record) }

    /// The label of a record, for regression datasets.
    package func number(of record: Int) -> Float { labelsOrTrap.number(of: record) }

    /// Writes the classes of a record, for multi-label datasets.
    ///
    /// - Parameter targets: The destination, shape [classes]: 1 for the record's classes, 0 for others.
    package func classes(of record: Int, into targets: UnsafeMutablePointer<Float>) {
        labelsOrTrap.classes(of: record, into: targets)
    }

    /// Reads the image of a record.
    ///
    /// - Parameter bytes: The destination of the pixels, shape [height, width, channels].
    package func pixels(of record: Int, into bytes: UnsafeMutablePointer<UInt8>) throws(Failure) {
        guard let pixels else { preconditionFailure("\(name) has no images") }
        try pixels.read(record, into: bytes)
    }

    private subscript(column: RecordColumn) -> Column {
        for candidate in columns where candidate.column == column { return candidate }
        preconditionFailure("\(name) has no column \(column.rawValue)")
    }

    private var labelsOrTrap: RecordLabels {
        guard let labels else { preconditionFailure("\(name) has no labels") }
        return labels
    }

    /// Reads the end offsets of the records, counted over all shards.
    private static func readEnds(
        _ parts: [RecordShard.Column], count: Int, _ directory: String
    ) throws(Failure) -> [Int] {
        var ends: [Int] = []
        ends.reserveCapacity(count)
        var start = 0
        for part in parts {
            let file = try File(checking: part.ends, in: directory)
            var last = 0
            try file.readNumbers { number, index throws(Failure) in
                guard Int(number) > last, Int(number) <= part.tokens.tokens else {
                    throw damaged(file.path, index, "record ends at token \(number), after one that ends at \(last)")
                }
                last = Int(number)
                ends.append(start + last)
            }
            guard last == part.tokens.tokens else {
                throw Failure(
                    .badData,
                    "\(file.path): its records end at token \(last) of \(part.tokens.tokens). \(Records.advice)")
            }
            start += last
        }
        return ends
    }

    static let advice = "The file is damaged; copy or prepare the dataset again."

    /// The error for an invalid element of a file.
    static func damaged(_ path: String, _ index: Int, _ found: String) -> Failure {
        Failure(.badData, "\(path): byte \(4 * index): \(found). \(advice)")
    }
}

extension File {
    /// Reads the file as a sequence of little-endian `UInt32`.
    func readNumbers(_ body: (_ number: UInt32, _ index: Int) throws(Failure) -> Void) throws(Failure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = try readSome(into: buffer, at: offset)
            for index in 0..<count / 4 {
                let number = UInt32(littleEndian: buffer.load(fromByteOffset: 4 * index, as: UInt32.self))
                try body(number, offset / 4 + index)
            }
            guard count == buffer.count else { return }
            offset += count
        }
    }
}
