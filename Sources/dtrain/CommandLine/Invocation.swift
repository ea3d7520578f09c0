import Failures
import Metrics
import Texts

/// The action that a command line requests.
enum Invocation {
    case version
    /// Print this help text.
    case help(String)
    case run(Command, Arguments)

    /// Parses the words after the program's name.
    ///
    /// - Throws: `usage` for invalid arguments.
    init(_ words: [String]) throws(Failure) {
        switch words.first {
        case "--version":
            guard words.count == 1 else {
                let rest = words.dropFirst().map(shellWord).joined(separator: " ")
                throw Failure(.usage, "--version: found \(rest); allowed: no other arguments.")
            }
            self = .version
        case "help", "--help", "-h":
            self = .help(try Help.text(for: Array(words.dropFirst())))
        default:
            let (command, rest) = try Command.find(words)
            if command.isAskedForHelp(by: rest) {
                self = .help(try Help.text(for: [command.name]))
            } else {
                self = .run(command, try Arguments(rest, for: command))
            }
        }
    }

    /// Returns the program's name and the words that must be the same on all ranks of a job.
    ///
    /// For `train` this is only the command's name, because its ranks compare their resolved options later.
    ///
    /// - Parameter found: The result of parsing `words`.
    static func sharedWords(_ words: [String], _ found: Result<Invocation, Failure>) -> [String] {
        if case .success(.run(let command, _)) = found, command.name == Command.train.name {
            return ["dtrain", command.name]
        }
        return ["dtrain"] + words
    }
}
