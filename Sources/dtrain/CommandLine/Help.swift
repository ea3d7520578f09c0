import Failures
import Metrics
import Settings
import Texts

/// The texts that `--help` and `help COMMAND` print.
enum Help {
    /// The help of the program, or of the command that `words` name; `help`, `-h` and `--help` among them are ignored.
    ///
    /// - Throws: `usage` for an unknown command, or for several words.
    static func text(for words: [String]) throws(Failure) -> String {
        // Options are ignored, known or not.
        let names = words.filter { !$0.hasExactPrefix("-") && $0 != "help" }
        guard let name = names.first else { return program }
        guard names.count == 1 else {
            throw Failure(.usage, "help: found \(names.map(shellWord).joined(separator: " ")); expected: one COMMAND.")
        }
        guard let command = Command.all.first(where: { $0.name.exact == name.exact }) else {
            throw Command.unknown(name)
        }
        return text(for: command)
    }

    private static var program: String {
        """
        \(programVersion): \(purpose).
        usage: \(synopsis.map { "\($0.command) \($0.arguments)" }.joined(separator: "\n       "))
        commands:
        \(table(Command.all.map { ($0.name, $0.summary) }))
        example:
        \(firstSteps.map(example).joined(separator: "\n"))
        \(folded("dtrain help COMMAND prints a command's options. Exit codes: \(codes).", indent: ""))
        """
    }

    /// The purpose of the program.
    static let purpose = "trains Transformers data-parallel, one process per MPI rank"

    /// How the program is called.
    static let synopsis = [
        (command: "dtrain", arguments: "[COMMAND] [OPTIONS]"),
        (command: "mpirun -np 4 dtrain", arguments: "[train] [OPTIONS]"),
    ]

    /// Command lines that prepare a dataset and train on it.
    static let firstSteps = [
        "dtrain prepare --text book.txt --tokenizer byte --output data/book",
        "mpirun -np 4 dtrain --config configs/nano.yaml --set data.directory=data/book --output runs/book",
    ]

    /// The usage line of a command.
    static func usage(_ command: Command) -> String {
        let options = command.options.isEmpty ? [] : ["[OPTIONS]"]
        let more = command.repeatsLastPosition ? ["…"] : []
        return (["dtrain", command.name] + command.positions.map(\.placeholder) + more + options)
            .joined(separator: " ")
    }

    private static var codes: String {
        ExitCode.documented.map { "\($0.rawValue) \($0.summary)" }.joined(separator: ", ")
    }

    private static func text(for command: Command) -> String {
        var text = folded(command.summary, indent: "") + "\n"
        text += folded("usage: \(usage(command))", indent: "       ") + "\n"
        if !command.options.isEmpty {
            text += "options:\n\(table(rows(of: command.options)))\n"
        }
        return text + "\nexample:\n" + example(command.example)
    }

    /// The options and their descriptions, row by row.
    private static func rows(of options: [Option]) -> [(String, String)] {
        var rows: [(String, String)] = []
        var rest = options[...]
        while let option = rest.popFirst() {
            if let help = option.helpWithNext, let next = rest.popFirst() {
                rows.append(("\(option.usage), \(next.usage)", help))
            } else {
                rows.append((option.usage, option.help))
            }
        }
        return rows
    }

    /// The width of a terminal in columns.
    private static let columns = 80

    /// A command line, folded with backslashes if it is too long for a line.
    private static func example(_ command: String) -> String {
        "  " + folded(command, indent: "    ", first: 2, end: " \\")
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        let indent = String(repeating: " ", count: width + 4)
        return rows.map {
            "  \($0)\(String(repeating: " ", count: width - $0.count + 2))\(folded($1, indent: indent, first: width + 4))"
        }.joined(separator: "\n")
    }

    /// Folds `text` into lines that fit the width.
    ///
    /// - Parameters:
    ///   - indent: The indentation of all lines after the first.
    ///   - first: The number of columns that precede the first line.
    ///   - end: Appended to each line except the last.
    private static func folded(_ text: String, indent: String, first: Int = 0, end: String = "") -> String {
        var (result, column) = ("", first)
        for (index, word) in text.exactParts(at: " ").enumerated() {
            if index == 0 {
                (result, column) = (word, first + word.count)
            } else if column + 1 + word.count + end.count > columns {
                result += end + "\n" + indent + word
                column = indent.count + word.count
            } else {
                result += " " + word
                column += 1 + word.count
            }
        }
        return result
    }
}
