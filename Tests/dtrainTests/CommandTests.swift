import Failures
import TestSupport
import Testing

@testable import dtrain

struct CommandTests {
    @Test(arguments: [
        ([], "train", []), (["--config", "x"], "train", ["--config", "x"]), (["train", "--set"], "train", ["--set"]),
        (["checkpoint", "list", "run"], "checkpoint", ["list", "run"]), (["prepare"], "prepare", []),
    ])
    func theFirstWordIsTheCommand(words: [String], name: String, rest: [String]) throws {
        let found = try Command.find(words)
        #expect(found.command.name == name)
        #expect(found.words == rest)
    }

    @Test func unknownCommandsNameTheNearest() {
        expectFailure(.usage, "unknown command tran; did you mean train?", "Commands: train, prepare") {
            _ = try Command.find(["tran"])
        }
        expectFailure(.usage, "unknown command -x.") { _ = try Command.find(["-x"]) }
        expectFailure(.usage, "unknown command zzzzzzzz.") { _ = try Help.text(for: ["zzzzzzzz"]) }
    }

    @Test func namesAreDistinct() {
        #expect(Set(Command.all.map(\.name)).count == Command.all.count)
        for command in Command.all {
            #expect(Set(command.options.map(\.name)).count == command.options.count, "\(command.name)")
        }
    }

    /// Help fits a screen of 120 columns and 24 lines, tells every command and option, and shows an example.
    @Test func helpFitsAScreen() throws {
        let program = try Help.text(for: [])
        for text in [program] + (try Command.all.map { try Help.text(for: [$0.name]) }) {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 24, "\(text)")
            #expect(lines.allSatisfy { $0.count <= 120 }, "\(text)")
            #expect(text.contains("example:\n  "), "\(text)")
        }
        for command in Command.all {
            #expect(program.contains("  \(command.name) "))
            let text = try Help.text(for: [command.name])
            for option in command.options { #expect(text.contains("\n  --\(option.name)"), "\(text)") }
        }
    }

    /// Examples are command lines that the program itself accepts.
    @Test func examplesAreAccepted() throws {
        for command in Command.all {
            let words = command.example.split(separator: " ").map(String.init)
            let start = try #require(words.firstIndex(of: "dtrain"), "\(command.example)")
            let found = try Command.find(Array(words[(start + 1)...]))
            #expect(found.command.name == command.name)
            // A shell would take words in quotes for one.
            if !command.example.contains("\"") {
                #expect(throws: Never.self) { try Arguments(found.words, for: command) }
            }
        }
    }
}
