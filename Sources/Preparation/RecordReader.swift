import Datasets
import Failures
import Files
import Texts

/// The file format of records.
package enum RecordForm: Equatable, Sendable {
    /// One JSON object per line, with the text in the member `field`.
    case documents(field: String)
    /// Two files with one record per line.
    case parallel
    /// One record per line: a label, a tab and a text, or a JSON object with `text` and `label`. If the kind is nil, it
    /// is that of the first record.
    case labelled(LabelDescription.Kind?)

    /// The kind of the dataset that such records become.
    var kind: DatasetKind {
        switch self {
        case .documents: .text
        case .parallel: .parallel
        case .labelled: .labelled
        }
    }
}

/// The treatment of a record without text.
package enum EmptyRecords: String, CaseIterable, Sendable {
    /// The record is skipped and counted.
    case skip
    /// The record is an error.
    case error
}

/// A label as it appears in a file.
enum FoundLabel: Equatable {
    /// Class names.
    case names([String])
    case number(Float)
}

/// Reads records one by one. Memory use depends only on the longest record.
struct RecordReader: ~Copyable {
    /// The texts of the current record, one per column.
    private(set) var texts: [[UInt8]] = []
    /// The label of the current record; nil without labels.
    private(set) var label: FoundLabel?
    /// The kind of the labels; nil before the first record if it is not given.
    private(set) var labelKind: LabelDescription.Kind?
    /// The number of records that were skipped because they have no text.
    private(set) var skippedCount = 0
    /// The location of the first skipped record.
    private(set) var firstSkipped: String?
    private let form: RecordForm
    private let paths: [String]
    private let empty: EmptyRecords?
    /// Whether the current record is a JSON object.
    private var isObject = false
    private var pathIndex = 0
    private var first: LineReader?
    private var second: LineReader?
    private var finishedBytes = 0

    /// Reads the records of all `paths` in order; parallel records are read from two files at once.
    ///
    /// - Parameter empty: The treatment of records without text; nil: JSON objects are skipped, other records are
    ///   errors.
    init(_ form: RecordForm, _ paths: [String], empty: EmptyRecords? = nil) {
        self.form = form
        self.paths = paths
        self.empty = empty
        if case .labelled(let kind) = form { labelKind = kind }
    }

    /// The number of bytes read so far.
    var bytesRead: Int { finishedBytes + (first?.position ?? 0) + (second?.position ?? 0) }

    /// The location of the current record, for error messages.
    var place: String { first?.place ?? paths[0] }

    /// Reads the next record.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: `badData` for an invalid record, with its file and line.
    mutating func next() throws(Failure) -> Bool {
        form == .parallel ? try nextPair() : try nextLine()
    }

    /// Whether a record like the current one is skipped if it has no text.
    var skipsEmpty: Bool { (empty ?? (isObject ? .skip : .error)) == .skip }

    /// Counts the current record as skipped.
    mutating func skip() {
        skippedCount += 1
        firstSkipped = firstSkipped ?? place
    }

    private func open(_ path: String) throws(Failure) -> LineReader {
        try LineReader(path, allowsEmpty: empty == .skip)
    }

    // MARK: Parallel files

    private mutating func nextPair() throws(Failure) -> Bool {
        if first == nil {
            first = try open(paths[0])
            second = try open(paths[1])
        }
        while let source = try first?.next() {
            guard let target = try second?.next() else { throw try unequal() }
            let blank = [(paths[0], source), (paths[1], target)].first { RecordReader.isBlank($0.1) }
            guard let blank else {
                texts = [source, target]
                return true
            }
            guard skipsEmpty else {
                throw Failure(
                    .badData,
                    "\(blank.0): line \(first?.lineNumber ?? 0): is empty. Every line of parallel files needs text on both "
                        + "sides; remove the line from both, or skip such pairs with --empty skip.")
            }
            skip()
        }
        if try second?.next() != nil { throw try unequal() }
        return false
    }

    /// The error for files with different numbers of lines; counts the lines of both.
    private mutating func unequal() throws(Failure) -> Failure {
        while try first?.next() != nil {}
        while try second?.next() != nil {}
        return Failure(
            .badData,
            "\(paths[0]): line \(min(first?.lineNumber ?? 0, second?.lineNumber ?? 0) + 1): "
                + "\(paths[0]) has \(counted(first?.lineNumber ?? 0, "line")), \(paths[1]) has \(second?.lineNumber ?? 0). "
                + "Line n of one must be the translation of line n of the other.")
    }

    // MARK: One record per line

    private mutating func nextLine() throws(Failure) -> Bool {
        while true {
            if first == nil {
                guard pathIndex < paths.count else { return false }
                first = try open(paths[pathIndex])
                pathIndex += 1
            }
            guard let line = try first?.next() else {
                finishedBytes += first?.byteCount ?? 0
                first = nil
                continue
            }
            if RecordReader.isBlank(line) { continue }
            if try take(line) { return true }
            skip()
        }
    }

    /// Parses a line; returns false if it has no text and is to be skipped.
    private mutating func take(_ line: [UInt8]) throws(Failure) -> Bool {
        isObject = line.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "{")
        switch form {
        case .documents(let field):
            guard let text = try text(field, of: try JSON(parsing: line, source: place)) else { return false }
            texts = [text]
        case .labelled where isObject:
            let record = try JSON(parsing: line, source: place)
            guard let text = try text("text", of: record) else { return false }
            texts = [text]
            label = try label(of: record)
        case .labelled:
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else {
                throw Failure(
                    .badData, "\(place): has no tab. A labelled line is LABEL, a tab and TEXT, or a JSON object.")
            }
            texts = [Array(line[(tab + 1)...])]
            if RecordReader.isBlank(texts[0]) {
                guard skipsEmpty else { throw emptyText("after the tab") }
                return false
            }
            label = try label(ofWord: String(decoding: line[..<tab], as: UTF8.self))
        case .parallel:
            preconditionFailure("a parallel file is read without the other one")
        }
        return true
    }

    /// Returns the text of a JSON object; nil if it has none (null or white space) and is to be skipped.
    private func text(_ field: String, of record: JSON) throws(Failure) -> [UInt8]? {
        let value = record[field]
        guard let text = value?.stringValue ?? (value == .null ? "" : nil) else {
            let found = record.objectValue.map { $0.map(\.name).joined(separator: ", ") } ?? "no object"
            throw Failure(
                .badData,
                "\(place): a JSON object with a string \"\(field)\" is required; found \(found.isEmpty ? "none" : found)."
            )
        }
        let bytes = Array(text.utf8)
        guard RecordReader.isBlank(bytes) else { return bytes }
        guard skipsEmpty else { throw emptyText("in \"\(field)\"") }
        return nil
    }

    private func emptyText(_ where: String) -> Failure {
        Failure(
            .badData,
            "\(place): there is no text \(`where`). Every record needs text; remove the line, or skip such records "
                + "with --empty skip.")
    }

    /// Whether a line contains only white space and control characters.
    private static func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy { $0 <= 0x20 } }

    // MARK: Labels

    private mutating func label(of record: JSON) throws(Failure) -> FoundLabel {
        guard let value = record["label"] else {
            throw Failure(.badData, "\(place): has no \"label\".")
        }
        let kind = labelKind ?? (value.arrayValue == nil ? .class : .multi)
        labelKind = kind
        switch kind {
        case .number:
            guard let number = value.doubleValue else { throw wrongLabel(value.line, kind) }
            return .number(try finite(number, value.line))
        case .class:
            guard let name = RecordReader.name(value) else { throw wrongLabel(value.line, kind) }
            return .names([try checked(name)])
        case .multi:
            guard let elements = value.arrayValue else { throw wrongLabel(value.line, kind) }
            var names: [String] = []
            for element in elements {
                guard let name = RecordReader.name(element) else { throw wrongLabel(value.line, kind) }
                names.append(try checked(name))
            }
            return .names(names)
        }
    }

    private mutating func label(ofWord word: String) throws(Failure) -> FoundLabel {
        let kind = labelKind ?? .class
        labelKind = kind
        switch kind {
        case .number:
            guard let number = decimalNumber(word) else { throw wrongLabel(word, kind) }
            return .number(try finite(number, word))
        case .class:
            return .names([try checked(word)])
        case .multi:
            var names: [String] = []
            // An empty string is an empty list: a record without classes.
            if word.isEmpty { return .names([]) }
            for name in word.exactParts(at: ",") {
                names.append(try checked(name))
            }
            return .names(names)
        }
    }

    /// The name of a class in JSON: a string or an integer.
    private static func name(_ value: JSON) -> String? { value.stringValue ?? value.integerValue.map(String.init) }

    private func checked(_ name: String) throws(Failure) -> String {
        guard !name.isEmpty, name.utf8.count <= 256 else {
            throw Failure(
                .badData,
                "\(place): the label \(name.isEmpty ? "is empty" : "'\(name.prefix(20))…' is longer than 256 bytes"). "
                    + "A class needs a short name.")
        }
        return name
    }

    private func finite(_ number: Double, _ found: String) throws(Failure) -> Float {
        guard Float(number).isFinite else { throw wrongLabel(found, .number) }
        return Float(number)
    }

    private func wrongLabel(_ found: String, _ kind: LabelDescription.Kind) -> Failure {
        let (wanted, other) =
            switch kind {
            case .class: ("the name of a class", "multi or --labels number")
            case .multi: ("a list of the names of classes", "class or --labels number")
            case .number: ("a finite number", "class or --labels multi")
            }
        return Failure(
            .badData, "\(place): the label is \(found.prefix(60)); expected \(wanted), or --labels \(other).")
    }
}
