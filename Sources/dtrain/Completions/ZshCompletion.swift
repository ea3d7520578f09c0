import Settings
import Texts

/// The completion script for zsh, based on its function `_arguments`.
enum ZshCompletion {
    /// The script that completes command lines of `commands`.
    static func script(_ commands: [Command]) -> String {
        """
        #compdef dtrain
        # Completion of dtrain for zsh. To load it into the current shell:  source <(dtrain completions zsh)

        _dtrain_keys=(
        \(lines(Configuration.keyValues.map { shellWord($0.path) }, indent: 4))
        )

        # The values of the key $1 of the configuration.
        _dtrain_key() {
            case $1 in
        \(Configuration.keyValues.compactMap(key).joined(separator: "\n"))
            esac
        }

        # Completes one of the words $2…, or a value of the origin $1. More follows after an equals sign or a colon.
        _dtrain_values() {
            local source=$1 result=1
            shift
            local -a complete=(${@:#*[=:]}) begun=(${(M)@:#*[=:]})
            (( $#complete )) && compadd -a complete && result=0
            (( $#begun )) && compadd -S '' -a begun && result=0
            case $source in
            files) _files && result=0 ;;
            directories) _files -/ && result=0 ;;
            keys) compadd -a _dtrain_keys && result=0 ;;
            assignments)
                if compset -P 1 '*='; then
                    _dtrain_key ${IPREFIX##*--set=} && result=0
                else
                    compadd -S = -a _dtrain_keys && result=0
                fi
                ;;
            esac
            return result
        }

        _dtrain() {
            local command=train
            local -a commands=(
        \(lines(commands.map(described) + [shellWord("help:print the options of a command")], indent: 8))
            )
            local -a first=()
            if (( CURRENT == 2 )); then
                if [[ $words[2] != -* ]]; then
                    _describe -t commands command commands
                    return
                fi
                first=('(- *)--version[print the version]')
            else
                case $words[2] in
                help | -h | --help)
                    _describe -t commands command commands
                    return
                    ;;
                \(commands.map { shellWord($0.name) }.joined(separator: " | ")))
                    command=$words[2]
                    shift words
                    (( CURRENT -= 1 ))
                    ;;
                esac
            fi
            case $command in
        \(commands.map(arguments).joined(separator: "\n"))
            esac
        }

        if [[ ${funcstack[1]} == _dtrain ]]; then
            _dtrain "$@"
        else
            compdef _dtrain dtrain
        fi
        """
    }

    /// A key with values that can be completed, as a line of a `case`.
    private static func key(_ key: Configuration.KeyValues) -> String? {
        guard let kind = ValueKind(of: key) else { return nil }
        let words = kind.words.map(shellWord).joined(separator: " ")
        return "    \(shellWord(key.path))=) _dtrain_values \(kind.source) \(words) ;;"
    }

    /// A command with its description, as `_describe` reads it.
    private static func described(_ command: Command) -> String {
        shellWord("\(Shell.escaping(":\\", command.name)):\(command.summary)")
    }

    /// The call of `_arguments` for a command, as a case of a `case`.
    private static func arguments(_ command: Command) -> String {
        let specifications =
            command.options.map(specification)
            + command.positions.enumerated().map { index, kind in
                let isRepeated = command.repeats(position: index)
                return "\(isRepeated ? "*" : "\(index + 1)"):\(values(kind))"
            }
            + ["(- *)--help[print the options]"]
        return """
                \(shellWord(command.name)))
                    _arguments -S \\
            \(specifications.map { "            \(shellWord($0)) \\" }.joined(separator: "\n"))
                        $first
                    ;;
            """
    }

    /// An option as `_arguments` reads it.
    private static func specification(_ option: Option) -> String {
        let (name, description) = ("--\(option.name)", "[\(Shell.escaping("[]:\\", option.help))]")
        let values = option.value.map(values) ?? ""
        return switch option.arity {
        case .flag: name + description
        case .optional: "\(name)=-\(description)::\(values)"
        case .one: "\(name)=\(description):\(values)"
        case .assignments: "*\(name)=\(description):*-*:\(values)"
        case .list: "*\(name)=\(description):*--*:\(values)"
        }
    }

    /// The name of a value, and the call that completes it; the call is parsed by the shell once more.
    private static func values(_ kind: ValueKind) -> String {
        let call = ["", "_dtrain_values", "\(kind.source)"] + kind.words.map(shellWord)
        let isFree = kind.words.isEmpty && kind.source == .none
        return
            "\(Shell.escaping(":", kind.placeholder)):\(isFree ? " " : Shell.escaping(":", call.joined(separator: " ")))"
    }

    private static func lines(_ words: [String], indent: Int) -> String {
        words.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
}
