import Failures

extension Command {
    static let completions = Command(
        name: "completions", summary: "print a completion script for bash, zsh or fish",
        positions: [.choice(of: Shell.self)],
        example: "dtrain completions bash > ~/.local/share/bash-completion/completions/dtrain"
    ) { arguments, session in
        let shell: Shell = try session.communicator.together { () throws(Failure) in try arguments.choice(at: 0) }
        session.console.say(shell.script(Command.all))
        return .finished
    }
}
