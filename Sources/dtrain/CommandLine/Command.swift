import Failures
import Metrics
import Texts

/// A command of the program: what it is called, what it understands, and what it does.
struct Command: Sendable {
    let name: String
    /// What it does, in half a line.
    let summary: String
    /// The words that it wants without an option.
    var positions: [String] = []
    var options: [Option] = []
    /// Whether the ranks of a job share its work, so that ranks which do not know of each other would each do all of it, and
    /// get in each other's way.
    var needsAllRanks = false
    /// Whether it asks for requests to stop; any other command ends at once by SIGTERM, SIGINT and SIGUSR1, as programs do.
    var endsOnRequest = false
    /// A command line to start from.
    let example: String
    /// What it does.
    let run: @Sendable (Arguments, Session) throws -> ExitCode

    /// All commands.
    static let all: [Command] = [
        train, prepare, evaluate, generate, score, checkpoint, export, .import, bench,
    ]

    /// The command that `words` begin with, and the words after it. Without one, it is `train`.
    ///
    /// - Throws: `usage` for an unknown command, with the nearest known one.
    static func find(_ words: [String]) throws(Failure) -> (command: Command, words: [String]) {
        guard let first = words.first, !first.hasExactPrefix("-") else { return (train, words) }
        guard let command = all.first(where: { $0.name.exact == first.exact }) else { throw unknown(first) }
        return (command, Array(words.dropFirst()))
    }

    /// The failure of a word that is no command.
    static func unknown(_ word: String) -> Failure {
        let nearest = nearestSpelling(to: word, among: all.map(\.name)).map { "; did you mean \($0)?" } ?? "."
        return Failure(
            .usage, "unknown command \(word)\(nearest) Commands: \(all.map(\.name).joined(separator: ", "))."
        )
    }
}
