/// An option of a command, as it is written after two dashes.
struct Option: Sendable {
    /// The name without dashes.
    let name: String
    /// How many words follow it.
    let arity: Arity
    /// What its words are called in help, such as "FILE".
    let placeholder: String
    /// What it does, in half a line.
    let help: String

    enum Arity: Sendable {
        /// None: it is said or not.
        case flag
        /// None, or one after an equals sign.
        case optional
        /// One word.
        case one
        /// One word each time, and it may stand several times.
        case repeated
        /// One word and those behind it that hold an equals sign; it may stand several times.
        case assignments
        /// All words up to the next option, at least one.
        case list
    }

    static func flag(_ name: String, _ help: String) -> Option {
        Option(name: name, arity: .flag, placeholder: "", help: help)
    }

    static func optional(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .optional, placeholder: placeholder, help: help)
    }

    static func one(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .one, placeholder: placeholder, help: help)
    }

    static func repeated(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .repeated, placeholder: placeholder, help: help)
    }

    static func list(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, arity: .list, placeholder: placeholder, help: help)
    }

    /// The option as help shows it.
    var usage: String {
        switch arity {
        case .flag: "--\(name)"
        case .optional: "--\(name)[=\(placeholder)]"
        case .one: "--\(name) \(placeholder)"
        case .repeated, .assignments, .list: "--\(name) \(placeholder) …"
        }
    }
}
