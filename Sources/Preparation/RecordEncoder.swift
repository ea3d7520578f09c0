import Conversations
import Datasets
import Failures
import Texts
import Tokenizers

/// The records of some lines in the form in which they are written.
struct EncodedRecords: Sendable {
    /// The records with text; nil for a record whose text has no tokens.
    private(set) var records: [EncodedRecord?] = []
    /// The number of records that are skipped because they have no text or no tokens.
    private(set) var skippedCount = 0
    /// The location of the first of them.
    private(set) var firstSkipped: RecordPlace?
    /// The number of bytes that were read for the lines.
    let bytesRead: Int

    /// Parses and encodes the lines.
    ///
    /// - Throws: `badData` for the first invalid record.
    init(_ lines: RecordLines, _ parser: RecordParser, _ encoder: RecordEncoder) throws(Failure) {
        bytesRead = lines.bytesRead
        for index in 0..<lines.count {
            switch try parser.parse(lines, index) {
            case .blank: continue
            case .withoutText: skip(lines.place(index))
            case .record(let record):
                let encoded = try encoder.encode(record)
                if encoded == nil { skip(record.place) }
                records.append(encoded)
            }
        }
    }

    private mutating func skip(_ place: RecordPlace) {
        skippedCount += 1
        firstSkipped = firstSkipped ?? place
    }
}

/// A record in the form in which it is written.
struct EncodedRecord: Sendable {
    /// The tokens of each column.
    let columns: [[Int32]]
    /// The label; nil without labels.
    let label: RecordLabel?
}

/// Converts records to the form in which they are written.
struct RecordEncoder: Sendable {
    let tokenizer: any Tokenizer
    let labels: LabelDescription?
    /// The encoder of conversations; nil for other records.
    private let conversations: ConversationEncoder?
    private let classes: [ExactText: Int]

    init(tokenizer: any Tokenizer, labels: LabelDescription?, conversations: ConversationEncoder? = nil) {
        self.tokenizer = tokenizer
        self.conversations = conversations
        self.labels = labels
        classes = Dictionary(uniqueKeysWithValues: (labels?.names ?? []).enumerated().map { ($1.exact, $0) })
    }

    /// Encodes a record.
    ///
    /// - Returns: The record; nil if its text has no tokens and it is to be skipped.
    /// - Throws: `badData` if the label does not occur in the training files, or if the text has no tokens and must not
    ///   be skipped.
    func encode(_ record: ParsedRecord) throws(Failure) -> EncodedRecord? {
        if let messages = record.messages, let conversations {
            let (tokens, isAnswer) = try conversations.encode(messages, place: "\(record.place)")
            return EncodedRecord(columns: [tokens, isAnswer.map { $0 ? 1 : 0 }], label: nil)
        }
        var columns: [[Int32]] = []
        for text in record.texts {
            var tokens: [Int32] = []
            _ = try text.withUnsafeBufferPointer { bytes throws(Failure) in
                try tokenizer.encode(UnsafeRawBufferPointer(bytes), isLast: true, appendingTo: &tokens)
            }
            guard !tokens.isEmpty else {
                if record.isSkippedIfEmpty { return nil }
                throw Failure(
                    .badData,
                    "\(record.place): the tokenizer produces no tokens from it. Remove the record, or skip such records "
                        + "with --empty skip.")
            }
            columns.append(tokens)
        }
        return EncodedRecord(columns: columns, label: try label(of: record))
    }

    private func label(of record: ParsedRecord) throws(Failure) -> RecordLabel? {
        switch record.label {
        case .number(let number): return .number(number)
        case .names(let names):
            var indices: [Int] = []
            for name in names { indices.append(try index(of: name, record.place)) }
            return labels?.kind == .multi ? .classes(indices) : .class(indices[0])
        case nil: return nil
        }
    }

    private func index(of name: String, _ place: RecordPlace) throws(Failure) -> Int {
        if let index = classes[name.exact] { return index }
        let known = labels?.names ?? []
        let list = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
        let nearest = nearestSpelling(to: name, among: known).map { "; did you mean \($0)?" } ?? "."
        throw Failure(
            .badData,
            "\(place): the label \(name) is not among the \(counted(known.count, "class", "es")) of the training files (\(list))\(nearest)"
        )
    }
}
