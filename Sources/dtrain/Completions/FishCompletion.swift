import Settings
import Texts

/// The completion script for fish: one `complete` command per command, option and positional argument.
enum FishCompletion {
    /// The script that completes command lines of `commands`.
    static func script(_ commands: [Command]) -> String {
        let names = commands.map { quoted($0.name) }.joined(separator: " ")
        let rows =
            commands.map { row("__dtrain_first", ["-f", "-a", $0.name, "-d", $0.summary]) }
            + [
                row("__dtrain_first", ["-f", "-a", "help", "-d", "print the options of a command"]),
                row("__dtrain_first", ["-f", "-l", "version", "-d", "print the version"]),
                row("not __dtrain_first", ["-f", "-l", "help", "-s", "h", "-d", "print the options"]),
                row("__dtrain_is help", ["-f", "-a", names]),
            ] + commands.flatMap(self.rows)
        return """
            # Completion of dtrain for fish. To load it into the current shell:  dtrain completions fish | source

            # Whether the current word is the first argument.
            function __dtrain_first
                test (count (commandline -opc)) -eq 1
            end

            # Whether the command is $argv[1]. The default is train.
            function __dtrain_is
                set -l words (commandline -opc)
                set -l command train
                if set -q words[2]; and contains -- $words[2] \(names) help
                    set command $words[2]
                end
                test $command = $argv[1]
            end

            # Whether the current word may be a further value of the option $argv[1].
            function __dtrain_continues
                for word in (commandline -opc)[-1..1]
                    switch $word
                        case $argv[1] "$argv[1]=*"
                            return 0
                        case '--*'
                            return 1
                    end
                end
                return 1
            end

            # The number of values of the option $argv[2] of the command $argv[1].
            function __dtrain_arity
                switch "$argv[1] $argv[2]"
            \(commands.flatMap { command in command.options.map { arity(command, $0) } }.joined(separator: "\n"))
                end
            end

            # Whether the current word is the positional argument $argv[2], counted from 0, of the command $argv[1]; with
            # -ge as $argv[3], that argument or a later one.
            function __dtrain_at
                __dtrain_is $argv[1]; or return 1
                set -l position 0
                set -l pending ''
                for word in (commandline -opc)[3..-1]
                    switch $pending
                        case one
                            set pending ''
                            continue
                        case assignments
                            set pending more
                            continue
                        case more
                            string match -qr -- '^[^-].*=' $word; and continue
                        case list
                            string match -q -- '--*' $word; or continue
                    end
                    set pending ''
                    switch $word
                        case '--*=*'
                        case '--*'
                            set pending (__dtrain_arity $argv[1] $word)
                        case '-*'
                        case '*'
                            set position (math $position + 1)
                    end
                end
                contains -- "$pending" '' flag optional more; and test $position (test (count $argv) -gt 2; and echo $argv[3]; or echo -- -eq) $argv[2]
            end

            function __dtrain_keys
                printf '%s\\n' \(Configuration.keyValues.map { quoted($0.path) }.joined(separator: " "))
            end

            # Keys of the configuration with an equals sign; after it, the values of the key.
            function __dtrain_assignments
                set -l parts (string split -m 1 -- = (commandline -ct | string replace -r -- '^--set=' ''))
                if not set -q parts[2]
                    printf '%s=\\n' (__dtrain_keys)
                    return
                end
                switch $parts[1]
            \(Configuration.keyValues.compactMap(key).joined(separator: "\n"))
                end
            end

            complete -c dtrain -f
            \(rows.joined(separator: "\n"))
            """
    }

    private static func arity(_ command: Command, _ option: Option) -> String {
        "        case \(quoted("\(command.name) --\(option.name)"))\n            echo \(option.arity)"
    }

    private static func key(_ key: Configuration.KeyValues) -> String? {
        guard let kind = ValueKind(of: key) else { return nil }
        let values =
            kind.source == .directories
            ? "$parts[1]=(__fish_complete_directories $parts[2] '')"
            : kind.words.map { "$parts[1]=\(quoted($0))" }.joined(separator: " ")
        return "        case \(quoted(key.path))\n            printf '%s\\n' \(values)"
    }

    /// The rows of a command: its options, and its positional arguments.
    private static func rows(_ command: Command) -> [String] {
        let condition = "__dtrain_is \(quoted(command.name))"
        var rows: [String] = []
        for option in command.options {
            let description = ["-d", option.help]
            switch (option.arity, option.value) {
            case (.flag, _), (_, nil): rows.append(row(condition, ["-f", "-l", option.name] + description))
            case (.optional, let kind?):
                rows.append(row(condition, ["-l", option.name] + values(kind) + description))
            case (_, let kind?):
                rows.append(row(condition, ["-r", "-l", option.name] + values(kind) + description))
                if [.list, .assignments].contains(option.arity) {
                    let continues = "\(condition); and __dtrain_continues \(quoted("--\(option.name)"))"
                    rows.append(row(continues, values(kind)))
                }
            }
        }
        return rows
            + command.positions.enumerated().map { index, kind in
                let isRepeated = command.repeats(position: index)
                return row(
                    "__dtrain_at \(quoted(command.name)) \(index)\(isRepeated ? " -ge" : "")", values(kind))
            }
    }

    /// The values of an option or a positional argument as options of `complete`.
    private static func values(_ kind: ValueKind) -> [String] {
        var candidates = kind.words.map(quoted)
        switch kind.source {
        case .none, .files: break
        case .directories: candidates.append("(__fish_complete_directories)")
        case .keys: candidates.append("(__dtrain_keys)")
        case .assignments: candidates.append("(__dtrain_assignments)")
        }
        let list = candidates.isEmpty ? [] : ["-a", candidates.joined(separator: " ")]
        return [kind.source == .files ? "-F" : "-f"] + list
    }

    /// A `complete` command under a condition.
    private static func row(_ condition: String, _ words: [String]) -> String {
        (["complete", "-c", "dtrain", "-n", condition] + words).map(quoted).joined(separator: " ")
    }

    /// `text` as one word of fish: in its single quotes, a backslash escapes a quote and a backslash.
    static func quoted(_ text: String) -> String {
        let result = Shell.escaping("'\\", text)
        return result.unicodeScalars.allSatisfy(isPlain) && !result.isEmpty ? result : "'\(result)'"
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", ":": true
        default: false
        }
    }
}
