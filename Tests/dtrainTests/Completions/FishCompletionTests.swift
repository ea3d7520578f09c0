import Testing

@testable import dtrain

/// The script for fish, in a real fish if one is installed.
@Suite(.enabled(if: ShellProgram.exists("fish"), "fish is not installed"))
struct FishCompletionTests {
    /// The candidates for the last word of each line, without descriptions.
    private func completions(_ lines: [String], _ commands: [Command] = Command.all) throws -> [[String]] {
        let calls = lines.map { "complete -C \(FishCompletion.quoted($0)); echo END" }
        let script = ([Shell.fish.script(commands)] + calls).joined(separator: "\n")
        let output = try ShellProgram.output(
            of: "fish --no-config", script: script, files: ["a.yaml": ""], directories: ["runs"])
        let results = output.parts(at: "END\n").dropLast().map { text in
            text.parts(at: "\n").dropLast().map { $0.parts(at: "\t")[0] }
        }
        try #require(results.count == lines.count, "\(output)")
        return results
    }

    @Test func completesEveryCommandAndOption() throws {
        let results = try completions(["dtrain "] + Command.all.map { "dtrain \($0.name) --" }).map(Set.init)
        #expect(results[0] == Set(Command.all.map(\.name) + ["help"]))
        for (command, found) in zip(Command.all, results.dropFirst()) {
            #expect(found == Set(command.options.map { "--\($0.name)" } + ["--help"]), "\(command.name)")
        }
    }

    @Test func completesWords() throws {
        let cases: [(String, Set<String>)] = [
            ("dtrain ev", ["evaluate"]), ("dtrain help sc", ["score"]), ("dtrain --con", ["--config"]),
            ("dtrain evaluate --weights ", ["average", "last"]), ("dtrain evaluate --weights=l", ["--weights=last"]),
            ("dtrain --resume ", ["auto", "none", "runs/"]), ("dtrain --config a", ["a.yaml"]),
            ("dtrain --output ", ["runs/"]), ("dtrain prepare --tokenizer b", ["byte", "bpe:"]),
            ("dtrain prepare --text x a", ["a.yaml"]), ("dtrain --set model.fam", ["model.family="]),
            ("dtrain --set model.family=enc", ["model.family=encoder", "model.family=encoder_decoder"]),
            ("dtrain --set model.bias=true data.dir", ["data.directory="]),
            ("dtrain --set data.directory=r", ["data.directory=runs/"]), ("dtrain --show para", ["parameters"]),
            ("dtrain bench ", ["gemm", "kernels", "average", "step", "generation"]),
            ("dtrain bench --json --repeat 3 st", ["step"]), ("dtrain bench step ", []),
            ("dtrain checkpoint list ", ["runs/"]), ("dtrain completions z", ["zsh"]), ("dtrain manual ", []),
        ]
        for (result, (line, expected)) in zip(try completions(cases.map(\.0)), cases) {
            #expect(Set(result) == expected, "\(line)")
        }
    }

    @Test func wordsAreEscaped() throws {
        let lines = ["dtrain cook ", "dtrain cook --guests Ann B", "dtrain cook --spicy=", "dtrain cook --where "]
        let results = try completions(lines, Command.difficult).map(Set.init)
        #expect(results[0] == ["it's", "back\\slash", "two words", "a:b=c"])
        #expect(results[1] == ["Bo"])
        #expect(results[2] == ["--spicy=1", "--spicy=2"])
        #expect(results[3] == ["in", "runs/"])
    }
}
