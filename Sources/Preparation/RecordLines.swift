import Failures
import Files

/// Consecutive lines of a file of records, or of two parallel files.
struct RecordLines: Sendable {
    /// The number of bytes that were read from the files for the lines.
    fileprivate(set) var bytesRead = 0
    private let paths: [String]
    /// The number of the first line.
    private let firstLine: Int
    /// The lines of each file, concatenated, and where each line ends.
    private var columns: [(bytes: [UInt8], ends: [Int])]

    fileprivate init(_ paths: [String], firstLine: Int) {
        self.paths = paths
        self.firstLine = firstLine
        columns = paths.map { _ in ([], []) }
    }

    /// The number of lines of each file.
    var count: Int { columns[0].ends.count }

    /// What the lines occupy: their bytes, and one more for each so that empty lines count too.
    fileprivate var size: Int { columns.reduce(count) { $0 + $1.bytes.count } }

    /// The text of line `index` of the file of a column.
    func text(_ column: Int, _ index: Int) -> ArraySlice<UInt8> {
        let ends = columns[column].ends
        return columns[column].bytes[(index > 0 ? ends[index - 1] : 0)..<ends[index]]
    }

    /// The location of line `index`.
    func place(_ index: Int, _ column: Int = 0) -> RecordPlace {
        RecordPlace(path: paths[column], line: firstLine + index)
    }

    /// Appends the next line of each file, unless one of them has none.
    ///
    /// - Returns: The number of files that had a line.
    fileprivate mutating func append(_ readers: [LineReader]) throws(Failure) -> Int {
        var found = 0
        for (column, reader) in readers.enumerated()
        where try reader.next(appendingTo: &columns[column].bytes) { found += 1 }
        if found == readers.count {
            for column in columns.indices { columns[column].ends.append(columns[column].bytes.count) }
        }
        return found
    }
}

/// Reads the lines of files of records in batches. Memory use depends only on the longest line.
struct RecordLinesReader: ~Copyable {
    /// The files that are read one after another, or together if they are parallel.
    private let groups: [[String]]
    private let allowsEmpty: Bool
    private let batchBytes: Int
    private var index = 0
    /// The readers of the current files; empty between files.
    private var readers: [LineReader] = []
    private var finishedBytes = 0
    private var reportedBytes = 0
    /// The failure that follows the lines before it.
    private var failure: Failure?

    /// - Parameters:
    ///   - form: Whether the files are parallel.
    ///   - allowsEmpty: Whether a file may be empty.
    ///   - batchBytes: The size of a batch.
    init(_ form: RecordForm, _ paths: [String], allowsEmpty: Bool, batchBytes: Int) {
        groups = form == .parallel ? [paths] : paths.map { [$0] }
        self.allowsEmpty = allowsEmpty
        self.batchBytes = batchBytes
    }

    /// Reads the next batch.
    ///
    /// - Returns: The lines; nil at the end of the last file.
    /// - Throws: The failures of `LineReader`, and `badData` if parallel files have different numbers of lines.
    mutating func next() throws(Failure) -> RecordLines? {
        while true {
            if let failure { throw failure }
            if readers.isEmpty {
                guard index < groups.count else { return nil }
                for path in groups[index] { readers.append(try LineReader(path, allowsEmpty: allowsEmpty)) }
                index += 1
            }
            var lines = RecordLines(readers.map(\.path), firstLine: readers[0].lineNumber + 1)
            do throws(Failure) { try fill(&lines) } catch { failure = error }
            let bytesRead = finishedBytes + readers.reduce(0) { $0 + $1.position }
            lines.bytesRead = bytesRead - reportedBytes
            reportedBytes = bytesRead
            if lines.count > 0 || lines.bytesRead > 0 { return lines }
        }
    }

    /// Appends lines of the current files until the batch is full or the files end.
    private mutating func fill(_ lines: inout RecordLines) throws(Failure) {
        while lines.size < batchBytes {
            let found = try lines.append(readers)
            if found == readers.count { continue }
            guard found == 0 else { throw try unequal() }
            finishedBytes += readers.reduce(0) { $0 + $1.byteCount }
            readers = []
            return
        }
    }

    /// The error for files with different numbers of lines; counts the lines of both.
    private func unequal() throws(Failure) -> Failure {
        let (source, target) = (readers[0], readers[1])
        for reader in readers { while try reader.next() != nil {} }
        return Failure(
            .badData,
            "\(source.path): line \(min(source.lineNumber, target.lineNumber) + 1): "
                + "\(source.path) has \(counted(source.lineNumber, "line")), \(target.path) has \(target.lineNumber). "
                + "Line n of one must be the translation of line n of the other.")
    }
}
