/// A command line of the documentation.
enum ShellLine {
    /// The words of the first command in a line, without quotes, redirections, comment and leading assignments.
    static func words(of line: String) -> [String] {
        var (words, word, quote, isOpen): ([String], String, Character?, Bool) = ([], "", nil, false)
        scan: for character in line {
            switch character {
            case quote: quote = nil
            case _ where quote != nil: word.append(character)
            case "'", "\"": (quote, isOpen) = (character, true)
            case "#" where !isOpen && word.isEmpty: break scan
            case "|", ";", "&", ">", "<": break scan
            case " ":
                if isOpen || !word.isEmpty { words.append(word) }
                (word, isOpen) = ("", false)
            default: word.append(character)
            }
        }
        if isOpen || !word.isEmpty { words.append(word) }
        return Array(words.drop { $0 == "exec" || $0.parts(at: "=").count == 2 && !$0.hasPrefix("-") })
    }

    /// The arguments that `words` give to dtrain, directly or by a launcher; nil for other commands.
    static func arguments(_ words: [String]) -> [String]? {
        var rest = words[...]
        switch rest.popFirst() {
        case "dtrain": break
        case "mpirun":
            guard let program = rest.firstIndex(of: "dtrain") else { return nil }
            rest = rest[(program + 1)...]
        case "launch/local", "launch/supervise":
            let valued = ["-n", "--hostfile", "--mpirun", "--max-restarts", "--pause"]
            while let option = rest.first, valued.contains(option) || option == "--requeue" {
                rest = rest.dropFirst(option == "--requeue" ? 1 : 2)
            }
        case "launch/slurm":
            guard let end = rest.firstIndex(of: "--") else { return nil }
            rest = rest[(end + 1)...]
        default: return nil
        }
        // An ellipsis at the end stands for more arguments.
        return rest.last == "…" ? Array(rest.dropLast()) : Array(rest)
    }
}
