import Testing
import Texts

@testable import dtrain

/// The script for bash, loaded into a real bash that is called in the same way as by readline.
@Suite struct BashCompletionTests {
    /// For each line: the candidates for its last word, a semicolon, and the options passed to `compopt`.
    private func completions(_ lines: [String], _ commands: [Command] = Command.all) throws -> [String] {
        let driver = """
            set -u
            compopt() { options+="$2"; }
            candidates() {
                COMP_LINE=$1 COMP_POINT=${#1} options=''
                shift
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _dtrain
                local IFS='|'
                printf '%s;%s\\n' "${COMPREPLY[*]-}" "$options"
            }
            COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'

            """
        let calls = lines.map { line in
            "candidates \(shellWord(line)) \(BashCompletionTests.words(of: line).map(shellWord).joined(separator: " "))"
        }
        let script = ([Shell.bash.script(commands), driver] + calls).joined(separator: "\n") + "\n"
        let output = try ShellProgram.output(of: "bash", script: script)
        let results = output.parts(at: "\n").dropLast()
        try #require(results.count == lines.count, "\(output)")
        return Array(results)
    }

    /// The words into which bash divides a line for a completion: at spaces, and before and after equals signs and
    /// colons.
    private static func words(of line: String) -> [String] {
        var words = [""]
        for character in line {
            switch (character, words[words.count - 1].last) {
            case (" ", _): words.append("")
            case ("=", let last?) where last != "=" && last != ":": words.append("=")
            case (":", let last?) where last != "=" && last != ":": words.append(":")
            case (_, "="), (_, ":"): words.append(String(character))
            default: words[words.count - 1].append(character)
            }
        }
        return words
    }

    @Test func completesEveryCommandAndOption() throws {
        let lines = ["dtrain "] + Command.all.map { "dtrain \($0.name) --" }
        let results = try completions(lines).map { Set($0.parts(at: ";")[0].parts(at: "|")) }
        #expect(results[0] == Set(Command.all.map(\.name) + ["help"]))
        for (command, found) in zip(Command.all, results.dropFirst()) {
            #expect(found == Set(command.options.map { "--\($0.name)" } + ["--help"]), "\(command.name)")
        }
    }

    @Test(arguments: [
        ("dtrain ev", "evaluate;"), ("dtrain help sc", "score;"), ("dtrain --con", "--config;"),
        ("dtrain --vers", "--version;"), ("dtrain train --vers", ";"),
        // Values of options, after a space and after an equals sign.
        ("dtrain evaluate --weights ", "average|last;"), ("dtrain evaluate --weights=", "average|last;"),
        ("dtrain evaluate --weights=l", "last;"), ("dtrain evaluate --json --weights a", "average;"),
        ("dtrain train --resume ", "auto|none;plusdirs"), ("dtrain --resume runs/", ";dirnames"),
        ("dtrain --config ", ";default"), ("dtrain --config=", ";default"), ("dtrain --output ", ";dirnames"),
        ("dtrain prepare --tokenizer ", "byte|bpe:|unigram:|bytebpe:|word:;default"),
        ("dtrain prepare --tokenizer bp", "bpe:;defaultnospace"),
        ("dtrain prepare --text a b ", ";default"), ("dtrain prepare --text a --tok", "--tokenizer;"),
        ("dtrain prepare --text=a b ", ";default"),
        // A value may look like an option, unless it is an option of the command.
        ("dtrain generate --prompt --weights l", "last;"), ("dtrain bench --repeat --nothing st", "step;"),
        // Keys of the configuration and their values.
        ("dtrain --set model.fam", "model.family=;nospace"),
        ("dtrain --set model.family=enc", "encoder|encoder_decoder;"),
        ("dtrain --set=model.fam", "model.family=;nospace"), ("dtrain --set=model.family=pre", "prefix_decoder;"),
        ("dtrain --set model.family=decoder data.dir", "data.directory=;nospace"),
        ("dtrain --set model.family=decoder data.directory=", ";dirnames"),
        ("dtrain --set model.bias=t --sh", "--show;"),
        ("dtrain --show para", "parameters;"), ("dtrain --show run.dir", "run.directory;"),
        // Positional arguments.
        ("dtrain bench ", "gemm|kernels|average|step|generation;"), ("dtrain bench --json --repeat 3 st", "step;"),
        ("dtrain bench --set model.layers=1 --json st", "step;"), ("dtrain checkpoint ve", "verify;"),
        ("dtrain checkpoint list ", ";dirnames"), ("dtrain checkpoint -- ve", "verify;"),
        ("dtrain completions ", "bash|zsh|fish;"), ("dtrain bench step --re", "--repeat;"), ("dtrain manual x", ";"),
    ])
    func completesWords(line: String, expected: String) throws {
        #expect(try completions([line]) == [expected])
    }

    @Test func wordsAreEscaped() throws {
        let lines = [
            "dtrain cook ", "dtrain cook it", "dtrain cook --guests Ann ", "dtrain cook --spicy=", "dtrain cook a:",
        ]
        #expect(
            try completions(lines, Command.difficult) == [
                #"it\'s|back\\slash|two\ words|a:b=c;"#, #"it\'s;"#, "Ann|Bo;", "1|2;", "b=c;",
            ])
    }
}
