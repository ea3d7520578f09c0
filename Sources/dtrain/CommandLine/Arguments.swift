import Failures
import Metrics
import Settings
import Texts

/// The parsed arguments of a command: options and positional arguments.
struct Arguments {
    private var values: [ExactText: [String]] = [:]
    /// The positional arguments.
    private(set) var positions: [String] = []
    private let command: String

    /// Parses `words` according to the options of `command`.
    ///
    /// - Throws: `usage` for an unknown option, with the most similar known one; for an option without its value; for
    ///   an option that is given more than once but may not be; for a wrong number of positional arguments.
    init(_ words: [String], for command: Command) throws(Failure) {
        self.command = command.name
        var before: Option?
        for part in command.parts(of: words) {
            switch part {
            case .help: break
            case .unknown(let word):
                throw usage(misplacedCommand(command) ?? Arguments.unknown(word, after: before, for: command))
            case .valueless(let option, let next):
                throw usage(
                    "--\(option.name) needs a value: \(option.placeholder). \(next) is another option; if it is meant as the "
                        + "value, write \(shellWord("--\(option.name)=\(next)")).")
            case .position(let word):
                if let before, before.arity == .optional, positions.count >= command.positions.count {
                    throw usage(
                        "\(shellWord(word)) is not an option. A value of --\(before.name) follows an equals sign: "
                            + "\(shellWord("--\(before.name)=\(word)")).")
                }
                positions.append(word)
            case .option(let option, let found): try take(option, found)
            }
            if case .option(let option, _) = part { before = option } else { before = nil }
        }
        guard command.accepts(positions: positions.count) else { throw usage(wrongPositions(command)) }
    }

    /// Stores the values of one occurrence of an option.
    private mutating func take(_ option: Option, _ found: [String]) throws(Failure) {
        let name = option.name
        if option.arity == .flag, !found.isEmpty { throw usage("--\(name) takes no value.") }
        guard option.arity == .flag || option.arity == .optional || !found.isEmpty else {
            throw usage("--\(name) needs a value: \(option.placeholder).")
        }
        // Commands that do not allow an empty text check it themselves.
        if option.value?.mayBeEmpty != true, found.contains(where: \.isEmpty) {
            throw usage("--\(name): found an empty value; expected: \(option.placeholder).")
        }
        if has(name), ![.assignments, .list].contains(option.arity) {
            throw usage("--\(name) is given more than once.")
        }
        values[name.exact, default: []] += found
    }

    /// The message for an unknown option, with a suggestion.
    private static func unknown(_ word: String, after list: Option?, for command: Command) -> String {
        let name = Command.nameMeant(by: word)
        let written = Command.optionWritten(in: word).map { "--\($0.name)" } ?? word
        var message = "unknown option \(written)"
        if let nearest = nearestSpelling(to: name, among: command.options.map(\.name)) {
            message += "; did you mean --\(nearest)?"
        } else {
            message += "."
        }
        let owners = Command.all.filter {
            $0.name != command.name && $0.options.contains { $0.name.exact == name.exact }
        }
        if !owners.isEmpty {
            message += " --\(name) belongs to \(owners.map(\.name).joined(separator: ", "))."
        }
        if ["n", "np", "ranks"].contains(name) {
            message += " The number of ranks is for mpirun: mpirun -np N dtrain \(command.name) …"
        }
        if command.options.contains(where: { $0.name == "set" }) {
            let keys = Configuration.keys(meantBy: name)
            if !keys.isEmpty {
                message +=
                    " A configuration key is set by "
                    + keys.map { "--set \($0.path)=VALUE\($0.note.map { " (\($0))" } ?? "")" }.joined(
                        separator: ", or ")
                    + "."
            }
        }
        if let list, list.arity == .list {
            message += " If it is meant as a value of --\(list.name), write \(shellWord("--\(list.name)=\(word)"))."
        }
        return message
    }

    /// The message for options in front of a command name, which is then not recognized; nil if that is not the case.
    private func misplacedCommand(_ command: Command) -> String? {
        guard command.positions.isEmpty, let other = Command.all.first(where: { $0.name == positions.first }) else {
            return nil
        }
        return "the command comes first: dtrain \(other.name) [OPTIONS]."
    }

    private func wrongPositions(_ command: Command) -> String {
        if let message = misplacedCommand(command) { return message }
        let wanted = command.positions.isEmpty ? "none" : command.positions.map(\.placeholder).joined(separator: " ")
        let found = positions.isEmpty ? "none" : positions.map(shellWord).joined(separator: " ")
        return
            "arguments without an option: found \(found); expected: \(wanted)\(command.repeatsLastPosition ? " …" : "")."
    }

    /// Whether an option is given.
    func has(_ name: String) -> Bool { values[name.exact] != nil }

    /// The value of an option, as a path; see `PathText`.
    func value(_ name: String) -> String? { list(name).first }

    /// All values of an option, as paths.
    func list(_ name: String) -> [String] { values[name.exact] ?? [] }

    /// The value of a required option.
    ///
    /// - Throws: `usage` if it is missing.
    func required(_ name: String) throws(Failure) -> String {
        guard let value = value(name) else { throw usage("--\(name) is missing.") }
        return value
    }

    /// The value of an option as an integer of `range`; `standard` if the option is not given.
    func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws(Failure) -> Int {
        guard let text = value(name) else { return standard }
        guard let number = wholeNumber(text), range.contains(number) else {
            throw usage(
                "--\(name): found \(text); allowed: a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// The value of an option as a number of `range`; `standard` if the option is not given.
    func real(_ name: String, in range: ClosedRange<Double>, default standard: Double) throws(Failure) -> Double {
        guard let text = value(name) else { return standard }
        guard let number = decimalNumber(text), range.contains(number) else {
            throw usage("--\(name): found \(text); allowed: a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// The error for an invalid command line, with a reference to the command's help.
    func usage(_ message: String) -> Failure {
        Failure(.usage, "\(command): \(message) See dtrain help \(command).")
    }
}
