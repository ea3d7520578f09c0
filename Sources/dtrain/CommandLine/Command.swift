import Texts
import Failures
import Metrics

/// A command of the program: its name, its arguments and its implementation.
struct Command: Sendable {
    let name: String
    /// A short description for help.
    let summary: String
    /// The kinds of its positional arguments.
    var positions: [ValueKind] = []
    /// Whether the last positional argument may be given more than once.
    var repeatsLastPosition = false
    var options: [Option] = []
    /// Whether the ranks of a job divide the work of the command. Processes that do not know of each other would each
    /// do all of the work and overwrite each other's files.
    var needsAllRanks = false
    /// Whether the command handles requests to stop; SIGTERM, SIGINT and SIGUSR1 end any other command immediately.
    var endsOnRequest = false
    /// An example command line.
    let example: String
    /// Executes the command.
    let run: @Sendable (Arguments, Session) throws -> ExitCode

    /// All commands.
    static let all: [Command] = [
        train, prepare, evaluate, generate, tokenize, score, checkpoint, inspect, plan, report, compare, watch,
        attention,
        embeddings, explain, export, .import, merge, bench, completions, manual,
    ]

    /// Whether `count` is a possible number of positional arguments.
    func accepts(positions count: Int) -> Bool {
        count == positions.count || repeatsLastPosition && count > positions.count
    }

    /// Whether the positional argument `index` may be given more than once.
    func repeats(position index: Int) -> Bool { repeatsLastPosition && index == positions.count - 1 }

    /// The command that `words` start with, and the remaining words. The default is `train`.
    ///
    /// - Throws: `usage` for an unknown command, with the most similar known one.
    static func find(_ words: [String]) throws(Failure) -> (command: Command, words: [String]) {
        guard let first = words.first, !first.hasExactPrefix("-"), !hasDash(first) else { return (train, words) }
        guard let command = all.first(where: { $0.name.exact == first.exact }) else { throw unknown(first) }
        return (command, Array(words.dropFirst()))
    }

    /// The error for an unknown command.
    static func unknown(_ word: String) -> Failure {
        let nearest = nearestSpelling(to: word, among: all.map(\.name)).map { "; did you mean \($0)?" } ?? "."
        return Failure(
            .usage, "unknown command \(word)\(nearest) Commands: \(all.map(\.name).joined(separator: ", "))."
        )
    }
}
