import Texts

/// A position in a text. Lines and columns count from 1, columns in characters.
struct YAMLMark: Equatable, Sendable {
    var line = 1
    var column = 1
}

/// The origin of a YAML text, for messages.
enum YAMLSource: Sendable {
    /// A file, or a text with the name of a file.
    case file(String)
    /// A command-line argument, as it was typed.
    case argument(String)

    /// `mark` as written in messages: `FILE:LINE:COLUMN`, or the argument.
    func place(of mark: YAMLMark) -> String {
        switch self {
        case .file(let name): "\(printable(name, limit: 4096)):\(mark.line):\(mark.column)"
        case .argument(let text): printable(text)
        }
    }
}

/// A value of a YAML text and the position at which it starts.
struct YAMLNode: Equatable, Sendable {
    /// A key of a mapping and its value.
    struct Entry: Equatable, Sendable {
        var key: String
        var mark: YAMLMark
        var value: YAMLNode
    }

    /// The kinds of values.
    enum Content: Equatable, Sendable {
        /// Text; not plain if it is quoted or a block scalar.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// Entries in the order of the text; keys are unique.
        case mapping([Entry])
    }

    var content: Content
    var mark = YAMLMark()

    /// The value as written in messages.
    var description: String {
        switch content {
        case .scalar("", isPlain: true): "nothing"
        case .scalar(let text, isPlain: true): printable(text)
        case .scalar(let text, isPlain: false): "the text \"\(printable(text))\""
        case .sequence(let elements):
            printable("[" + elements.prefix(8).map(\.description).joined(separator: ", ") + "]")
        case .mapping: "a mapping"
        }
    }
}

/// `text` on one line, with control characters escaped, truncated to `limit` characters.
func printable(_ text: String, limit: Int = 80) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == limit { return result + "…" }
        result += scalar.isUnprintable ? scalar.escape : String(scalar)
    }
    return result
}
