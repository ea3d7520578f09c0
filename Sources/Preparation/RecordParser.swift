import Conversations
import Datasets
import Failures
import Files
import Texts

/// A label as it appears in a file.
enum FoundLabel: Equatable, Sendable {
    /// Class names.
    case names([String])
    case number(Float)
}

/// A record as it appears in a file.
struct ParsedRecord: Sendable {
    /// The texts, one per column; of a conversation those of its messages.
    let texts: [[UInt8]]
    /// The messages of a conversation; nil for other records.
    var messages: [ChatMessage]?
    /// The label; nil without labels.
    var label: FoundLabel?
    /// The kind of the label.
    var labelKind: LabelDescription.Kind?
    /// Where it is.
    let place: RecordPlace
    /// Whether it is skipped, and not an error, if the tokenizer produces no tokens from it.
    let isSkippedIfEmpty: Bool
}

/// The file and line of a record, for messages.
struct RecordPlace: CustomStringConvertible, Sendable {
    let path: String
    let line: Int

    var description: String { "\(path): line \(line)" }
}

/// Parses records. Each is parsed independently of the others.
struct RecordParser: Sendable {
    private let form: RecordForm
    private let empty: EmptyRecords?

    /// - Parameters:
    ///   - form: The form of the records.
    ///   - empty: The treatment of records without text; nil: JSON objects are skipped, other records are errors.
    init(_ form: RecordForm, empty: EmptyRecords? = nil) {
        self.form = form
        self.empty = empty
    }

    /// The kind of the labels; nil if a record's own form decides.
    private var labelKind: LabelDescription.Kind? { if case .labelled(let kind) = form { kind } else { nil } }

    private func skipsEmpty(isObject: Bool) -> Bool { (empty ?? (isObject ? .skip : .error)) == .skip }

    /// What a line of a file is.
    enum Line {
        /// White space, which is no record; parallel files have no such lines.
        case blank
        /// A record without text, which is skipped.
        case withoutText
        case record(ParsedRecord)
    }

    /// Parses line `index` of a batch.
    ///
    /// - Throws: `badData` for an invalid record, with its file and line.
    func parse(_ lines: RecordLines, _ index: Int) throws(Failure) -> Line {
        let record: ParsedRecord?
        if form == .parallel {
            record = try pair(lines, index)
        } else {
            let line = lines.text(0, index)
            if isBlank(line) { return .blank }
            record = try parse(line, lines.place(index))
        }
        return record.map(Line.record) ?? .withoutText
    }

    /// The records of a batch; those without text are left out.
    func records(of lines: RecordLines) throws(Failure) -> [ParsedRecord] {
        var records: [ParsedRecord] = []
        for index in 0..<lines.count {
            if case .record(let record) = try parse(lines, index) { records.append(record) }
        }
        return records
    }

    /// Returns a pair of lines; nil if one has no text and the pair is to be skipped.
    private func pair(_ lines: RecordLines, _ index: Int) throws(Failure) -> ParsedRecord? {
        let skips = skipsEmpty(isObject: false)
        for column in 0..<2 where isBlank(lines.text(column, index)) {
            if skips { return nil }
            throw Failure(
                .badData,
                "\(lines.place(index, column)): is empty. Every line of parallel files needs text on both "
                    + "sides; remove the line from both, or skip such pairs with --empty skip.")
        }
        return ParsedRecord(
            texts: [Array(lines.text(0, index)), Array(lines.text(1, index))], place: lines.place(index),
            isSkippedIfEmpty: skips)
    }

    /// Parses a line; returns nil if it has no text and is to be skipped.
    private func parse(_ line: ArraySlice<UInt8>, _ place: RecordPlace) throws(Failure) -> ParsedRecord? {
        let isObject = line.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "{")
        var (label, kind) = (nil as FoundLabel?, nil as LabelDescription.Kind?)
        let text: [UInt8]
        switch form {
        case .documents(let field):
            let record = try JSON(parsing: Array(line), source: "\(place)")
            guard let found = try self.text(field, of: record, place, isObject: isObject) else { return nil }
            text = found
        case .chat: return try conversation(line, place)
        case .labelled where isObject:
            let record = try JSON(parsing: Array(line), source: "\(place)")
            guard let found = try self.text("text", of: record, place, isObject: isObject) else { return nil }
            text = found
            (label, kind) = try self.label(of: record, place)
        case .labelled:
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else {
                throw Failure(
                    .badData, "\(place): has no tab. A labelled line is LABEL, a tab and TEXT, or a JSON object.")
            }
            text = Array(line[(tab + 1)...])
            if isBlank(text[...]) {
                guard skipsEmpty(isObject: false) else { throw emptyText("after the tab", place) }
                return nil
            }
            (label, kind) = try self.label(ofWord: String(decoding: line[..<tab], as: UTF8.self), place)
        case .parallel:
            preconditionFailure("a parallel file is read without the other one")
        }
        return ParsedRecord(
            texts: [text], label: label, labelKind: kind, place: place,
            isSkippedIfEmpty: skipsEmpty(isObject: isObject))
    }

    /// Parses a conversation; returns nil if it has no answer and is to be skipped.
    private func conversation(_ line: ArraySlice<UInt8>, _ place: RecordPlace) throws(Failure) -> ParsedRecord? {
        let object = try JSON(parsing: Array(line), source: "\(place)")
        let messages = try ChatMessage.messages(of: object, place: "\(place)")
        guard messages.contains(where: { $0.role == .assistant && !$0.content.isEmpty }) else {
            if empty == .skip { return nil }
            throw Failure(
                .badData,
                "\(place): the conversation has no answer. A text of the role assistant, or a completion, is required; "
                    + "remove the line, or skip such records with --empty skip.")
        }
        return ParsedRecord(
            texts: messages.map(\.content), messages: messages, place: place, isSkippedIfEmpty: false)
    }

    /// Returns the text of a JSON object; nil if it has none (null or white space) and is to be skipped.
    private func text(
        _ field: String, of record: JSON, _ place: RecordPlace, isObject: Bool
    ) throws(Failure) -> [UInt8]? {
        let value = record[field]
        guard let text = value?.stringValue ?? (value == .null ? "" : nil) else {
            let found = record.objectValue.map { $0.map(\.name).joined(separator: ", ") } ?? "no object"
            throw Failure(
                .badData,
                "\(place): a JSON object with a string \"\(field)\" is required; found \(found.isEmpty ? "none" : found)."
            )
        }
        let bytes = Array(text.utf8)
        guard isBlank(bytes[...]) else { return bytes }
        guard skipsEmpty(isObject: isObject) else { throw emptyText("in \"\(field)\"", place) }
        return nil
    }

    private func emptyText(_ where: String, _ place: RecordPlace) -> Failure {
        Failure(
            .badData,
            "\(place): there is no text \(`where`). Every record needs text; remove the line, or skip such records "
                + "with --empty skip.")
    }

    // MARK: Labels

    private func label(
        of record: JSON, _ place: RecordPlace
    ) throws(Failure) -> (FoundLabel, LabelDescription.Kind) {
        guard let value = record["label"] else {
            throw Failure(.badData, "\(place): has no \"label\".")
        }
        let kind = labelKind ?? (value.arrayValue == nil ? .class : .multi)
        switch kind {
        case .number:
            guard let number = value.doubleValue else { throw wrongLabel(value.line, kind, place) }
            return (.number(try finite(number, value.line, place)), kind)
        case .class:
            guard let name = RecordParser.name(value) else { throw wrongLabel(value.line, kind, place) }
            return (.names([try checked(name, place)]), kind)
        case .multi:
            guard let elements = value.arrayValue else { throw wrongLabel(value.line, kind, place) }
            var names: [String] = []
            for element in elements {
                guard let name = RecordParser.name(element) else { throw wrongLabel(value.line, kind, place) }
                names.append(try checked(name, place))
            }
            return (.names(names), kind)
        }
    }

    private func label(
        ofWord word: String, _ place: RecordPlace
    ) throws(Failure) -> (FoundLabel, LabelDescription.Kind) {
        let kind = labelKind ?? .class
        switch kind {
        case .number:
            guard let number = decimalNumber(word) else { throw wrongLabel(word, kind, place) }
            return (.number(try finite(number, word, place)), kind)
        case .class:
            return (.names([try checked(word, place)]), kind)
        case .multi:
            var names: [String] = []
            // An empty string is an empty list: a record without classes.
            if word.isEmpty { return (.names([]), kind) }
            for name in word.exactParts(at: ",") {
                names.append(try checked(name, place))
            }
            return (.names(names), kind)
        }
    }

    /// The name of a class in JSON: a string or an integer.
    private static func name(_ value: JSON) -> String? { value.stringValue ?? value.integerValue.map(String.init) }

    private func checked(_ name: String, _ place: RecordPlace) throws(Failure) -> String {
        guard !name.isEmpty, name.utf8.count <= 256 else {
            throw Failure(
                .badData,
                "\(place): the label \(name.isEmpty ? "is empty" : "'\(name.prefix(20))…' is longer than 256 bytes"). "
                    + "A class needs a short name.")
        }
        return name
    }

    private func finite(_ number: Double, _ found: String, _ place: RecordPlace) throws(Failure) -> Float {
        guard Float(number).isFinite else { throw wrongLabel(found, .number, place) }
        return Float(number)
    }

    private func wrongLabel(_ found: String, _ kind: LabelDescription.Kind, _ place: RecordPlace) -> Failure {
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

/// Whether a line contains only white space and control characters.
private func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 <= 0x20 } }
