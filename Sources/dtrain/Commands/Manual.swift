extension Command {
    static let manual = Command(
        name: "manual", summary: "print the manual page of all commands, for man",
        example: "dtrain manual | man -l -"
    ) { _, session in
        session.console.say(ManualPage.text(Command.all))
        return .finished
    }
}
