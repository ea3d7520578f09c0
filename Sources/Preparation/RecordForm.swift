import Datasets

/// The file format of records.
package enum RecordForm: Equatable, Sendable {
    /// One JSON object per line, with the text in the member `field`.
    case documents(field: String)
    /// Two files with one record per line.
    case parallel
    /// One record per line: a label, a tab and a text, or a JSON object with `text` and `label`. If the kind is nil, it
    /// is that of the first record.
    case labelled(LabelDescription.Kind?)
    /// One conversation per line, in JSON: see `ChatMessage.messages`.
    case chat

    /// The kind of the dataset that such records become.
    var kind: DatasetKind {
        switch self {
        case .documents: .text
        case .parallel: .parallel
        case .labelled: .labelled
        case .chat: .chat
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
