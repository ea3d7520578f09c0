import Settings
import Texts

/// The completion script for bash.
///
/// The script has the tables of the program as functions, and parses a command line by the rules of
/// `Command.parts(of:)`.
enum BashCompletion {
    /// The script that completes command lines of `commands`.
    static func script(_ commands: [Command]) -> String {
        """
        # Completion of dtrain for bash. To load it into the current shell:  source <(dtrain completions bash)

        # Each of these functions sets `words`, the words that are values, and `source`, the origin of other values.

        # The option $2 of the command $1; `arity` is empty if there is no such option.
        _dtrain_option() {
            arity='' source=none words=()
            case $1:$2 in
        \(commands.flatMap { command in command.options.map { option(command, $0) } }.joined(separator: "\n"))
            esac
        }

        # The options of the command $1.
        _dtrain_options() {
            source=none words=()
            case $1 in
        \(commands.map(options).joined(separator: "\n"))
            esac
            words+=(--help)
        }

        # The positional argument $2, counted from 0, of the command $1; fails if there is none.
        _dtrain_position() {
            source=none words=()
            case $1:$2 in
        \(commands.flatMap(positions).joined(separator: "\n"))
            *) return 1 ;;
            esac
        }

        # The values of the key $1 of the configuration.
        _dtrain_key() {
            source=none words=()
            case $1 in
        \(Configuration.keyValues.compactMap(key).joined(separator: "\n"))
            esac
        }

        _dtrain_keys=(\(Configuration.keyValues.map { shellWord($0.path) }.joined(separator: " ")))
        _dtrain_commands=(\(commands.map { shellWord($0.name) }.joined(separator: " ")) help)

        \(parser)
        """
    }

    private static func option(_ command: Command, _ option: Option) -> String {
        let label = shellWord("\(command.name):--\(option.name)")
        return "    \(label)) arity=\(option.arity)\(option.value.map(values) ?? "") ;;"
    }

    private static func options(_ command: Command) -> String {
        let names = command.options.map { shellWord("--\($0.name)") }
        return "    \(shellWord(command.name))) words=(\(names.joined(separator: " "))) ;;"
    }

    private static func positions(_ command: Command) -> [String] {
        command.positions.enumerated().map { index, kind in
            let isRepeated = command.repeats(position: index)
            let label = isRepeated ? "\(shellWord("\(command.name):"))*" : shellWord("\(command.name):\(index)")
            return "    \(label))\(values(kind)) ;;"
        }
    }

    private static func key(_ key: Configuration.KeyValues) -> String? {
        ValueKind(of: key).map { "    \(shellWord(key.path)))\(values($0)) ;;" }
    }

    private static func values(_ kind: ValueKind) -> String {
        let words = kind.words.isEmpty ? "" : " words=(\(kind.words.map(shellWord).joined(separator: " ")))"
        return words + " source=\(kind.source)"
    }

    /// The functions that do not depend on the tables.
    private static let parser = #"""
        _dtrain() {
            local -a typed=() words=()
            local line=$COMP_LINE rest index word arity='' source=none pending='' plain='' command=train position=0
            local option=''
            # Bash divides words at = and :, which are parts of options and values here.
            for ((index = 0; index <= COMP_CWORD; index++)); do
                rest=${line#"${line%%[![:space:]]*}"}
                if ((index == 0)) || [[ $rest != "$line" ]]; then
                    typed+=("${COMP_WORDS[index]}")
                else
                    typed[-1]+=${COMP_WORDS[index]}
                fi
                line=${rest#"${COMP_WORDS[index]}"}
            done
            local current=${typed[-1]} count=$((${#typed[@]} - 1)) start=1
            if ((count > 1)); then
                for word in "${_dtrain_commands[@]}"; do
                    if [[ ${typed[1]} == "$word" ]]; then command=$word start=2; fi
                done
                case ${typed[1]} in help | --help | -h) command=help ;; esac
            fi

            # What the words before the current one leave open: `pending` is the arity of an option whose values go on.
            for ((index = start; index < count; index++)); do
                word=${typed[index]}
                case $plain$pending in
                plain) ((position += 1)) && continue ;;
                one | assignments)
                    _dtrain_option "$command" "${word%%=*}"
                    if [[ $word != --* || -z $arity ]]; then
                        if [[ $pending == one ]]; then pending=''; else pending=more; fi
                        continue
                    fi
                    ;;
                more) if [[ $word != -* && $word == *=* ]]; then continue; fi ;;
                list) if [[ $word != --* ]]; then continue; fi ;;
                esac
                pending=''
                case $word in
                --) plain=plain ;;
                --*=*)
                    option=${word%%=*}
                    _dtrain_option "$command" "$option"
                    case $arity in assignments) pending=more ;; list) pending=list ;; esac
                    ;;
                --*)
                    option=$word
                    _dtrain_option "$command" "$option"
                    case $arity in one | assignments | list) pending=$arity ;; esac
                    ;;
                -*) ;;
                *) ((position += 1)) ;;
                esac
            done

            local prefix='' value=$current
            words=() source=none
            case $plain$pending in
            one | assignments) pending=value ;;
            list) if [[ $current == --* ]]; then pending=''; else pending=value; fi ;;
            more) if [[ $current == -* ]]; then pending=''; else pending=value; fi ;;
            esac
            if [[ $pending == value ]]; then
                _dtrain_option "$command" "$option"
            elif [[ -z $plain && $current == --*=* ]]; then
                _dtrain_option "$command" "${current%%=*}"
                prefix=${current%%=*}= value=${current#*=}
            elif [[ $command == help ]]; then
                words=("${_dtrain_commands[@]}")
            elif [[ -z $plain && $current == -* ]]; then
                _dtrain_options "$command"
                if ((count == 1)); then words+=(--version); fi
            elif ((count == 1)); then
                words=("${_dtrain_commands[@]}")
            elif ! _dtrain_position "$command" "$position"; then
                if [[ -z $plain ]]; then _dtrain_options "$command"; fi
            fi
            case $source in
            keys) words+=("${_dtrain_keys[@]}") ;;
            assignments)
                if [[ $value == *=* ]]; then
                    prefix+=${value%%=*}=
                    _dtrain_key "${value%%=*}"
                    value=${value#*=}
                else
                    words=("${_dtrain_keys[@]/%/=}")
                fi
                ;;
            esac

            # The part of the current word up to the last place where bash divides it stands already.
            local breaks=${COMP_WORDBREAKS//[!=:]/} standing='' quoted
            if [[ -n $breaks && $current == *[$breaks]* ]]; then standing=${current%"${current##*[$breaks]}"}; fi
            COMPREPLY=()
            for word in "${words[@]}"; do
                if [[ $word == "$value"* ]]; then
                    printf -v quoted %q "$prefix$word"
                    COMPREPLY+=("${quoted#"$standing"}")
                fi
            done
            case $source in
            files) compopt -o default ;;
            directories) if ((${#COMPREPLY[@]})); then compopt -o plusdirs; else compopt -o dirnames; fi ;;
            esac
            # More follows after an equals sign or a colon.
            if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace; fi
        }

        complete -F _dtrain dtrain
        """#
}
