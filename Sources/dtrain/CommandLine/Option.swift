/// An option of a command.
struct Option: Sendable {
    /// The name without dashes.
    let name: String
    /// The number of its values.
    let arity: Arity
    /// The name of its value in help, such as "FILE".
    let placeholder: String
    /// A short description for help.
    let help: String

    /// The number of values of an option, and whether it may be given more than once.
    enum Arity: Sendable {
        /// No value.
        case flag
        /// At most one value, after an equals sign.
        case optional
        /// One value.
        case one
        /// One value; the option may be given more than once.
        case repeated
        /// One value, and following words that contain an equals sign; the option may be given more than once.
        case assignments
        /// All words up to the next option, at least one; the option may be given more than once.
        case list
    }

    /// An option without a value.
    static func flag(_ name: String, _ help: String) -> Option {
        Option(name: name, arity: .flag, placeholder: "", help: help)
    }

    /// An option with a value only after an equals sign.
    static func optional(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .optional, placeholder: placeholder, help: help)
    }

    /// An option with one value.
    static func one(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .one, placeholder: placeholder, help: help)
    }

    /// An option with one value that may be given more than once.
    static func repeated(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .repeated, placeholder: placeholder, help: help)
    }

    /// An option with one or more values.
    static func list(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .list, placeholder: placeholder, help: help)
    }

    /// The option as written in help.
    var usage: String {
        switch arity {
        case .flag: "--\(name)"
        case .optional: "--\(name)[=\(placeholder)]"
        case .one: "--\(name) \(placeholder)"
        case .repeated, .assignments, .list: "--\(name) \(placeholder) …"
        }
    }
}
