import Failures
import Metrics
import Settings
import Texts
import Training

/// The texts that `--help` and `help COMMAND` print.
enum Help {
    /// The help of the program, or of the command that `words` name; `help`, `-h` and `--help` among them are ignored.
    ///
    /// - Throws: `usage` for an unknown command, or for several words.
    static func text(for words: [String]) throws(Failure) -> String {
        let names = words.filter { !Command.asksForHelp($0) && $0 != "help" }
        guard let name = names.first else { return program }
        guard names.count == 1 else {
            throw Failure(.usage, "help: found \(names.map(shellWord).joined(separator: " ")); wanted: one COMMAND.")
        }
        guard let command = Command.all.first(where: { $0.name.exact == name.exact }) else {
            throw Command.unknown(name)
        }
        return text(for: command)
    }

    private static var program: String {
        """
        \(programVersion): trains Transformers with data parallelism, one process per MPI rank.

        usage: dtrain [COMMAND] [OPTIONS]
               mpirun -np 4 dtrain [train] [OPTIONS]

        The default command is train; without --config it trains the built-in quickstart.

        commands:
        \(table(Command.all.map { ($0.name, $0.summary) }))

        example:
          dtrain prepare --text book.txt --tokenizer byte --output data/book
          mpirun -np 4 dtrain --config configs/nano.yaml --set data.directory=data/book --output runs/book

        dtrain help COMMAND prints the options of a command. Exit codes: 0 finished, 64 usage, 65 bad data,
        70 internal error, 74 input/output, 75 stopped on request and saved, 76 silent data corruption, 77 no progress.
        """
    }

    private static func text(for command: Command) -> String {
        let words = ["dtrain", command.name] + command.positions + (command.options.isEmpty ? [] : ["[OPTIONS]"])
        var text = "\(command.summary)\nusage: \(words.joined(separator: " "))\n"
        if !command.options.isEmpty {
            text += "options:\n\(table(command.options.map { ($0.usage, $0.help) }))\n"
        }
        return text + "\nexample:\n  \(command.example)"
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "  \($0)\(String(repeating: " ", count: width - $0.count + 2))\($1)" }.joined(separator: "\n")
    }
}
