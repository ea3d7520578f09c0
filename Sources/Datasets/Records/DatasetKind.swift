import Texts

/// The kind of a dataset.
package enum DatasetKind: String, Codable, CaseIterable, Sendable {
    /// One token stream. If it consists of documents, each ends with the token `eos`.
    case text
    /// Records of source and target tokens.
    case parallel
    /// Records of tokens and a label.
    case labelled
    /// Records of conversations: tokens, and for each whether the assistant writes it.
    case chat
    /// Records of height × width × channels bytes and a class.
    case images

    /// The token columns of the records.
    package var columns: [RecordColumn] {
        switch self {
        case .text, .images: []
        case .parallel: [.source, .target]
        case .labelled: [.text]
        case .chat: [.text, .answer]
        }
    }

    /// Whether the records have labels.
    package var hasLabels: Bool { self == .labelled || self == .images }
}

/// A token column: for each record a sequence of at least one token, without added special tokens.
package enum RecordColumn: String, Codable, CaseIterable, Sendable {
    /// The source of a translation.
    case source
    /// The target of a translation.
    case target
    /// A labelled text, or a conversation.
    case text
    /// For each token of a conversation 1 if the assistant writes it, otherwise 0.
    case answer
}

/// The kind and names of a dataset's labels.
package struct LabelDescription: Codable, Equatable, Sendable {
    /// The kinds of labels.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// One class per record.
        case `class`
        /// Any number of classes per record.
        case multi
        /// A real number per record.
        case number
    }

    /// The kind of the labels.
    package var kind: Kind
    /// The class names, in the order of class indices; empty for numbers.
    package var names: [String]

    /// The maximum number of classes.
    package static let classLimit = 1 << 16

    /// A description of labels.
    package init(kind: Kind, names: [String]) {
        self.kind = kind
        self.names = names
    }

    /// Compares names by their bytes.
    package static func == (left: LabelDescription, right: LabelDescription) -> Bool {
        left.kind == right.kind && left.names.map(\.exact) == right.names.map(\.exact)
    }

    /// The size of a record's label on disk, in bytes: 4 for a class or a number, one bit per class for multi-label
    /// records.
    package var labelBytes: Int { kind == .multi ? (names.count + 7) / 8 : 4 }

    /// Sorts class names: numerically if all are integers, otherwise by their bytes.
    package static func sorted(_ names: Set<ExactText>) -> [String] {
        let numbers = names.compactMap { name in Int(name.text).flatMap { String($0).exact == name ? $0 : nil } }
        if numbers.count == names.count { return numbers.sorted().map(String.init) }
        return names.sorted().map(\.text)
    }
}
