/// An option of a command.
struct Option: Sendable {
    /// The name without dashes.
    let name: String
    /// The number of its values.
    let arity: Arity
    /// The kind of its values; nil for a flag.
    let value: ValueKind?
    /// A short description for help.
    let help: String
    /// A description of this option and the next one, which help shows in one row; nil: each has its own.
    var helpWithNext: String?

    /// The number of values of an option, and whether it may be given more than once.
    enum Arity: Sendable {
        /// No value.
        case flag
        /// At most one value, after an equals sign.
        case optional
        /// One value.
        case one
        /// One value, and following words that contain an equals sign; the option may be given more than once.
        case assignments
        /// All words up to the next option, at least one; the option may be given more than once.
        case list
    }

    /// An option without a value.
    static func flag(_ name: String, _ help: String) -> Option {
        Option(name: name, arity: .flag, value: nil, help: help)
    }

    /// An option with a value only after an equals sign.
    static func optional(_ name: String, _ value: ValueKind, _ help: String) -> Option {
        Option(name: name, arity: .optional, value: value, help: help)
    }

    /// An option with one value.
    static func one(_ name: String, _ value: ValueKind, _ help: String) -> Option {
        Option(name: name, arity: .one, value: value, help: help)
    }

    /// An option with one or more values.
    static func list(_ name: String, _ value: ValueKind, _ help: String) -> Option {
        Option(name: name, arity: .list, value: value, help: help)
    }

    /// The option in one row of help with the next one.
    func withNext(_ help: String) -> Option {
        var option = self
        option.helpWithNext = help
        return option
    }

    /// The name of its value in help; empty for a flag.
    var placeholder: String { value?.placeholder ?? "" }

    /// The option as written in help.
    var usage: String {
        switch arity {
        case .flag: "--\(name)"
        case .optional: "--\(name)[=\(placeholder)]"
        case .one: "--\(name) \(placeholder)"
        case .assignments, .list: "--\(name) \(placeholder) …"
        }
    }
}
