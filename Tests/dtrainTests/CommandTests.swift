import Failures
import Files
import Foundation
import TestSupport
import Testing

@testable import dtrain

struct CommandTests {
    @Test(arguments: [
        ([], "train", []), (["--config", "x"], "train", ["--config", "x"]), (["train", "--set"], "train", ["--set"]),
        (["checkpoint", "list", "run"], "checkpoint", ["list", "run"]), (["prepare"], "prepare", []),
    ])
    func firstWordIsTheCommand(words: [String], name: String, rest: [String]) throws {
        let found = try Command.find(words)
        #expect(found.command.name == name)
        #expect(found.words == rest)
    }

    @Test func unknownCommandsNameTheNearest() {
        expectFailure(.usage, "unknown command tran; did you mean train?", "Commands: train, prepare") {
            _ = try Command.find(["tran"])
        }
        expectFailure(.usage, "unknown command two words.") { _ = try Command.find(["two words"]) }
        expectFailure(.usage, "train: unknown option -x.") { _ = try Invocation(["-x"]) }
        expectFailure(.usage, "unknown command zzzzzzzz.") { _ = try Help.text(for: ["zzzzzzzz"]) }
    }

    /// A request for help is recognized in every position; where a value is expected, `--help` is the value.
    @Test(arguments: [
        (["-h"], ""), (["--help"], ""), (["help"], ""), (["help", "-h"], ""), (["help", "help"], ""),
        (["-h", "--help"], ""),
        (["help", "score"], "score"), (["--help", "score"], "score"), (["-h", "score"], "score"),
        (["help", "score", "-h"], "score"),
        (["score", "-h"], "score"), (["score", "--json", "--help"], "score"),
        (["checkpoint", "list", "-h"], "checkpoint"),
        (["checkpoint", "-h"], "checkpoint"), (["--config", "x.yaml", "-h"], "train"),
        (["bench", "step", "-h"], "bench"),
        (["prepare", "--text", "a", "b", "-h"], "prepare"), (["generate", "--prompt", "--help", "--help"], "generate"),
    ])
    func helpIsRecognizedInEveryPosition(words: [String], name: String) throws {
        guard case .help(let text) = try Invocation(words) else {
            Issue.record("\(words) is no request for help")
            return
        }
        #expect(text == (try Help.text(for: name.isEmpty ? [] : [name])))
    }

    /// As in other tools, a request for help takes precedence over other options, known or not.
    @Test(arguments: [
        ["--help", "--bogus"], ["-h", "-x"], ["--help", "--set=1"], ["--help", "train", "--bogus"],
        ["--bogus", "--help"],
    ])
    func helpTakesPrecedence(words: [String]) throws {
        guard case .help(let text) = try Invocation(words) else {
            Issue.record("\(words) is no request for help")
            return
        }
        #expect(text.contains("usage: dtrain"))
    }

    /// A shell reads a folded command line of the help as one command.
    @Test func foldedExamplesAreOneShellCommand() throws {
        let text = try Help.text(for: ["prepare"])
        let line = text.components(separatedBy: "example:\n")[1].replacing("\\\n", with: " ")
        #expect(line.split(separator: " ").joined(separator: " ") == Command.prepare.example)
    }

    @Test func valuesAreNotRequestsForHelp() throws {
        guard case .run(let command, let arguments) = try Invocation(["generate", "--prompt", "--help", "--stop=-h"])
        else {
            Issue.record("a prompt is taken for a request")
            return
        }
        #expect(command.name == "generate" && arguments.value("prompt") == "--help" && arguments.list("stop") == ["-h"])
    }

    @Test func rejectsHelpForSeveralCommands() throws {
        expectFailure(.usage, "help: found score bench; expected: one COMMAND.") {
            _ = try Invocation(["help", "score", "bench"])
        }
        expectFailure(.usage, "--version: found 'a b'; allowed: no other arguments.") {
            _ = try Invocation(["--version", "a b"])
        }
    }

    @Test func namesAreDistinct() {
        #expect(Set(Command.all.map(\.name)).count == Command.all.count)
        for command in Command.all {
            #expect(Set(command.options.map(\.name)).count == command.options.count, "\(command.name)")
        }
    }

    /// Help fits a screen of 80 columns, lists every command and option, and shows an example. That of a command has at
    /// most 24 lines, that of the program a line for each command and 12 more.
    @Test func helpFitsTheScreen() throws {
        let program = try Help.text(for: [])
        for text in [program] + (try Command.all.map { try Help.text(for: [$0.name]) }) {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= (text == program ? Command.all.count + 12 : 24), "\(text)")
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
            #expect(text.contains("example:\n  "), "\(text)")
        }
        for command in Command.all {
            // A row may name further commands.
            #expect(program.contains(" \(command.name)"), "\(command.name)")
            let text = try Help.text(for: [command.name])
            // An option may share the row of the one before.
            for option in command.options {
                #expect(["\n  ", ", "].contains { text.contains("\($0)--\(option.name)") }, "\(text)")
            }
        }
    }

    /// Examples are command lines that the program itself accepts.
    @Test func examplesAreAccepted() throws {
        for command in Command.all {
            let words = try #require(ShellLine.arguments(ShellLine.words(of: command.example)), "\(command.example)")
            let found = try Command.find(words)
            #expect(found.command.name == command.name)
            #expect(throws: Never.self) { try Arguments(found.words, for: command) }
        }
    }

    /// Word processors replace two dashes by one long dash.
    @Test(arguments: ["—config", "–config"]) func longDashIsTreatedAsOption(word: String) {
        expectFailure(.usage, "unknown option \(word); did you mean --config?") {
            _ = try Invocation([word, "nano.yaml"])
        }
    }

    /// All ranks of a job run the same command; the ranks of a training run compare the options themselves.
    @Test func sharedWordsDistinguishCommands() {
        func shared(_ words: String...) -> [String] {
            Invocation.sharedWords(words, Result { () throws(Failure) in try Invocation(words) })
        }
        #expect(shared("--config", "a.yaml") == ["dtrain", "train"])
        #expect(shared() == shared("train", "--config", "b.yaml", "--resume", "none"))
        #expect(shared("evaluate", "--checkpoint", "run") == ["dtrain", "evaluate", "--checkpoint", "run"])
        #expect(shared("--version") == ["dtrain", "--version"])
        #expect(shared("train", "--help") == ["dtrain", "train", "--help"])
        #expect(shared("--nothing") == ["dtrain", "--nothing"])
    }

    @Test(arguments: [
        ("d", ["dataset.json"], "d/train-00000.bin", "lies in the dataset"),
        ("c", ["manifest.json", "state.json"], "c/new", "lies in the checkpoint"),
        ("r", ["LOCK"], "r/metrics.jsonl", "is a file of the run"),
        ("r", ["checkpoints/step-00000004/model"], "r/config.yaml", "is a file of the run"),
        ("r", ["LOCK", "trace-rank-3.json"], "r/trace-rank-3.json", "is a file of the run"),
        ("r", ["LOCK"], "r/generated.txt", nil), ("m", ["manifest.json"], "m/new", nil),
        ("n", ["config.yaml"], "n/config.yaml", nil),
    ])
    func rejectsOutputsInDatasetsCheckpointsAndRuns(directory: String, names: [String], path: String, reason: String?)
        throws
    {
        let place = TemporaryDirectory()
        for name in names {
            let file = place.file("\(directory)/\(name)")
            try FileSystem.makeDirectory(FileSystem.parent(of: file))
            try FileSystem.replaceContents(of: file, with: "kept")
        }
        let before = try FileSystem.list(place.file(directory))
        func open() throws { try OutputFile(place.file(path), option: "--output").refuseFilesOfOurs("--output") }
        guard let reason else { return try open() }
        expectFailure(.usage, "--output: \(place.file(path)): \(reason)") { try open() }
        #expect(try FileSystem.list(place.file(directory)) == before)
    }
}
