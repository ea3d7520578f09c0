import Texts
import Metrics

/// A part of a command's arguments.
enum Part {
    /// A known option and its values.
    case option(Option, values: [String])
    /// A known option whose value is missing, because the next word is an option.
    case valueless(Option, next: String)
    /// A word that looks like an option but is not a known one.
    case unknown(String)
    /// A positional argument.
    case position(String)
    /// `-h` or `--help` in the position of an option.
    case help
}

extension Command {
    /// Parses `words` into options with their values, positional arguments and requests for help.
    ///
    /// A value may start with a dash: an option with one value takes the next word, unless that is an option of the
    /// command. Assignments are one word and all following words that contain an equals sign. A list ends at a word
    /// that starts with two dashes. A word after an equals sign is always a value, and words after `--` are always
    /// positional.
    func parts(of words: [String]) -> [Part] {
        var parts: [Part] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word.exact == "--".exact {
                parts += rest.map { .position($0) }
                break
            }
            if Command.asksForHelp(word) {
                parts.append(.help)
                continue
            }
            guard let (name, value) = Command.optionWritten(in: word) else {
                parts.append(Command.hasDash(word) ? .unknown(word) : .position(word))
                continue
            }
            guard let option = options.first(where: { $0.name.exact == name.exact }) else {
                parts.append(.unknown(word))
                continue
            }
            var values = value.map { [$0] } ?? []
            switch option.arity {
            case .flag, .optional: break
            case .one, .assignments:
                if let next = rest.first, values.isEmpty {
                    if hasOption(written: next) {
                        parts.append(.valueless(option, next: next))
                        continue
                    }
                    values = [rest.removeFirst()]
                }
                guard option.arity == .assignments else { break }
                while let next = rest.first, !next.hasExactPrefix("-"), next.utf8.contains(UInt8(ascii: "=")) {
                    values.append(rest.removeFirst())
                }
            case .list:
                while let next = rest.first, !next.hasExactPrefix("--"), !Command.asksForHelp(next) {
                    values.append(rest.removeFirst())
                }
            }
            parts.append(.option(option, values: values))
        }
        return parts
    }

    /// Whether `words` contain a request for help.
    func isAskedForHelp(by words: [String]) -> Bool {
        parts(of: words).contains { if case .help = $0 { true } else { false } }
    }

    private func hasOption(written word: String) -> Bool {
        guard let (name, _) = Command.optionWritten(in: word) else { return false }
        return options.contains { $0.name.exact == name.exact }
    }

    /// Whether `word` requests help.
    static func asksForHelp(_ word: String) -> Bool { word.exact == "--help".exact || word.exact == "-h".exact }

    /// The name and, after an equals sign, the value of a word such as "--seed=1"; nil for any other word.
    ///
    /// The name ends before the first byte "=", even if a combining mark follows it.
    static func optionWritten(in word: String) -> (name: String, value: String?)? {
        guard let text = word.withoutExactPrefix("--"), !text.isEmpty else { return nil }
        return text.exactHalves(at: "=").map { ($0.before, $0.behind) } ?? (text, nil)
    }

    /// Whether a word looks like an option: a dash and a letter, or a longer dash as inserted by a word processor.
    static func hasDash(_ word: String) -> Bool {
        let scalars = Array(word.unicodeScalars.prefix(2))
        guard scalars.count == 2 else { return false }
        return scalars[0] == "-" && scalars[1].properties.isAlphabetic || longDashes.contains(scalars[0])
    }

    private static let longDashes: Set<Unicode.Scalar> = [
        "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2212}",
    ]

    /// The intended option name in a word that is not a known option: without dashes, up to an equals sign.
    static func nameMeant(by word: String) -> String {
        let scalars = word.unicodeScalars.drop { $0 == "-" || longDashes.contains($0) }
        return String(String.UnicodeScalarView(scalars.prefix { $0 != "=" }))
    }
}
