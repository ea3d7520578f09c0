import Failures
import Texts

/// The words after a command, sorted into options and positions.
struct Arguments {
    private var values: [ExactText: [String]] = [:]
    /// The words that belong to no option.
    private(set) var positions: [String] = []
    private let command: String

    /// Sorts `words` by what `command` understands.
    ///
    /// - Throws: `usage` for an unknown option, with the nearest known one; for one without its value; and for one
    ///   that stands twice but may not.
    init(_ words: [String], for command: Command) throws(Failure) {
        self.command = command.name
        var rest = words[...]
        while let word = rest.popFirst() {
            guard let written = word.withoutExactPrefix("--"), !written.isEmpty else {
                positions.append(word)
                continue
            }
            // Both "--name value" and "--name=value".
            let parts = written.exactParts(at: "=", maxSplits: 1)
            let name = parts[0]
            guard let option = command.options.first(where: { $0.name.exact == name.exact }) else {
                let nearest = nearestSpelling(to: name, among: command.options.map(\.name))
                throw usage("unknown option --\(name)" + (nearest.map { "; did you mean --\($0)?" } ?? "."))
            }
            var found: [String] = parts.count > 1 ? [parts[1]] : []
            switch option.arity {
            case .flag:
                guard found.isEmpty else { throw usage("--\(name) takes no value.") }
            case .optional:
                break
            case .one, .repeated:
                if found.isEmpty, let next = rest.popFirst() { found = [next] }
            case .assignments:
                if found.isEmpty, let next = rest.popFirst() { found = [next] }
                while let next = rest.first, !next.hasExactPrefix("-"), next.utf8.contains(UInt8(ascii: "=")) {
                    found.append(rest.removeFirst())
                }
            case .list:
                while let next = rest.first, !next.hasExactPrefix("--") { found.append(rest.removeFirst()) }
            }
            guard option.arity == .flag || option.arity == .optional || !found.isEmpty else {
                throw usage("--\(name) needs a \(option.placeholder).")
            }
            if has(name), ![.repeated, .assignments, .list].contains(option.arity) {
                throw usage("--\(name) stands twice.")
            }
            values[name.exact, default: []] += found
        }
        guard positions.count == command.positions.count else {
            let wanted = command.positions.isEmpty ? "none" : command.positions.joined(separator: " ")
            let found = positions.isEmpty ? "none" : positions.joined(separator: " ")
            throw usage("words without an option: found \(found); wanted: \(wanted).")
        }
    }

    /// Whether an option was given.
    func has(_ name: String) -> Bool { values[name.exact] != nil }

    /// The value of an option that stands once, as a path: see `PathText`.
    func value(_ name: String) -> String? { list(name).first }

    /// All values of an option, as paths.
    func list(_ name: String) -> [String] { values[name.exact] ?? [] }

    /// The value of an option that the command cannot do without.
    func required(_ name: String) throws(Failure) -> String {
        guard let value = value(name) else { throw usage("--\(name) is missing.") }
        return value
    }

    /// A whole number within `range`, or `standard` where the option is not given.
    func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws(Failure) -> Int {
        guard let text = value(name) else { return standard }
        guard let number = Int(text), range.contains(number) else {
            throw usage(
                "--\(name): found \(text); allowed: a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// A number within `range`, or `standard` where the option is not given.
    func real(_ name: String, in range: ClosedRange<Double>, default standard: Double) throws(Failure) -> Double {
        guard let text = value(name) else { return standard }
        guard let number = Double(text), range.contains(number) else {
            throw usage("--\(name): found \(text); allowed: a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// The failure of a wrong command line.
    func usage(_ message: String) -> Failure {
        Failure(.usage, "\(command): \(message) See dtrain help \(command).")
    }
}
