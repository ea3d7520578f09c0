import Testing
import Texts

@testable import dtrain

/// The script for zsh, in a real zsh on a terminal, if one is installed.
@Suite struct ZshCompletionTests {
    /// The lines to which an interactive zsh completes each line when Tab is pressed.
    private func completed(_ lines: [String], _ commands: [Command] = Command.all) throws -> [String] {
        let driver = """
            zmodload zsh/zpty
            zpty shell zsh -f -i
            send() { zpty -w shell "$1" }
            send 'PS1= PS2= RPS1=; setopt no_beep; autoload -Uz compinit; compinit -u -D; stty -echo'
            send 'source ./completion; stty cols 4000'
            send 'show() { print -r -- "<""<$BUFFER>"">"; BUFFER= }; zle -N show; bindkey "^Xs" show'
            for line in "$@"; do
                zpty -w -n shell "$line"$'\\t\\x18s'
                zpty -r -m shell shown "*>>*" || exit 1
                print -r -- ${${${(M)shown:#*}##*<<}%%>>*}
            done
            zpty -d shell
            """
        let script = "set -- \(lines.map(shellWord).joined(separator: " "))\n" + driver
        let output = try ShellProgram.output(
            of: "zsh -f", script: script, files: ["completion": Shell.zsh.script(commands), "a.yaml": ""],
            directories: ["runs"])
        let results = output.parts(at: "\n").dropLast()
        try #require(results.count == lines.count, "\(output)")
        return Array(results)
    }

    @Test(.enabled(if: ShellProgram.exists("zsh"), "zsh is not installed")) func completesLines() throws {
        let cases = [
            ("dtrain ev", "dtrain evaluate "), ("dtrain help sc", "dtrain help score "),
            ("dtrain --con", "dtrain --config="), ("dtrain evaluate --weights a", "dtrain evaluate --weights average "),
            ("dtrain evaluate --weights=l", "dtrain evaluate --weights=last "),
            ("dtrain --resume no", "dtrain --resume none "), ("dtrain --resume r", "dtrain --resume runs/"),
            ("dtrain --config a", "dtrain --config a.yaml "), ("dtrain --output r", "dtrain --output runs/"),
            ("dtrain prepare --tokenizer un", "dtrain prepare --tokenizer unigram:"),
            ("dtrain prepare --text x a", "dtrain prepare --text x a.yaml "),
            ("dtrain --set model.fam", "dtrain --set model.family="),
            ("dtrain --set model.family=pre", "dtrain --set model.family=prefix_decoder "),
            ("dtrain --set=model.family=pre", "dtrain --set=model.family=prefix_decoder "),
            ("dtrain --set model.bias=true data.dir", "dtrain --set model.bias=true data.directory="),
            ("dtrain --set data.directory=r", "dtrain --set data.directory=runs/"),
            ("dtrain --show para", "dtrain --show parameters "), ("dtrain bench st", "dtrain bench step "),
            ("dtrain bench --json --repeat 3 st", "dtrain bench --json --repeat 3 step "),
            ("dtrain checkpoint list r", "dtrain checkpoint list runs/"),
            ("dtrain completions z", "dtrain completions zsh "),
        ]
        for (result, (line, expected)) in zip(try completed(cases.map(\.0)), cases) {
            #expect(result == expected, "\(line)")
        }
    }

    @Test(.enabled(if: ShellProgram.exists("zsh"), "zsh is not installed")) func wordsAreEscaped() throws {
        let lines = [
            "dtrain cook it", "dtrain cook bac", "dtrain cook tw", "dtrain cook a", "dtrain cook --guests Ann B",
        ]
        let results = try completed(lines, Command.difficult)
        #expect(results[0] == #"dtrain cook it\'s "#)
        #expect(results[1] == #"dtrain cook back\\slash "#)
        #expect(results[2] == #"dtrain cook two\ words "#)
        #expect(results[3] == "dtrain cook a:b=c ")
        #expect(results[4] == "dtrain cook --guests Ann Bo ")
    }

    @Test func completesEveryCommandAndOption() {
        let parts = Shell.zsh.script(Command.all).parts(at: "_arguments -S")
        #expect(parts.count == Command.all.count + 1)
        for (index, command) in Command.all.enumerated() {
            #expect(parts[index].hasSuffix("\n    \(command.name))\n        "), "\(command.name)")
            for option in command.options { #expect(parts[index + 1].contains("--\(option.name)"), "\(option.name)") }
        }
    }
}
