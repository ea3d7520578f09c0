/// A shell for which the program writes a completion script.
enum Shell: String, CaseIterable {
    case bash
    case zsh
    case fish

    /// The script that completes command lines of `commands`.
    func script(_ commands: [Command]) -> String {
        switch self {
        case .bash: BashCompletion.script(commands)
        case .zsh: ZshCompletion.script(commands)
        case .fish: FishCompletion.script(commands)
        }
    }

    /// `text` with a backslash before each of `characters`.
    static func escaping(_ characters: String, _ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if characters.unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
