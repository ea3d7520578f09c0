import Settings

/// The kind of values that an option or a positional argument takes: their name in help, and the values that a shell
/// completes.
struct ValueKind: Sendable {
    /// The name of the value in help, such as "FILE".
    let placeholder: String
    /// Words that a shell completes. A word that ends with a colon is the beginning of a value.
    let words: [String]
    /// Other values that a shell completes.
    let source: Source

    /// Values that a shell finds out when it completes.
    enum Source: String, Sendable {
        case none
        case files
        case directories
        /// Keys of the configuration.
        case keys
        /// A key of the configuration, an equals sign and a value.
        case assignments
    }

    init(_ placeholder: String, words: [String] = [], _ source: Source = .none) {
        (self.placeholder, self.words, self.source) = (placeholder, words, source)
    }

    /// The path of a file.
    static let file = ValueKind("FILE", .files)
    /// The path of a directory.
    static let directory = ValueKind("DIR", .directories)
    /// Text, which may be empty.
    static let text = ValueKind("TEXT")
    /// A key of the configuration and its value.
    static let assignment = ValueKind("KEY.PATH=VALUE", .assignments)

    /// The raw value of one of the cases of `type`.
    ///
    /// - Parameter placeholder: The name in help; nil: all cases.
    static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        of type: Choice.Type, _ placeholder: String? = nil
    ) -> ValueKind {
        let words = type.allCases.map(\.rawValue)
        return ValueKind(placeholder ?? words.joined(separator: "|"), words: words)
    }

    /// The values of a key of the configuration; nil if a shell cannot complete them.
    init?(of key: Configuration.KeyValues) {
        guard key.isDirectory || !key.words.isEmpty else { return nil }
        self.init("", words: key.words, key.isDirectory ? .directories : .none)
    }

    /// Whether a value may be empty.
    var mayBeEmpty: Bool { placeholder == ValueKind.text.placeholder }
}

extension ValueKind: ExpressibleByStringLiteral {
    /// Values that a shell cannot complete, by their name in help.
    init(stringLiteral placeholder: String) { self.init(placeholder) }
}
