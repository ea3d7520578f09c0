import Failures
import Glibc
import Texts
import Training

@main
struct Main {
    static func main() {
        // First of all: a signal that finds no handler kills the rank, and with it the job.
        StopRequest.install()
        // A training goes on where nobody reads its output any more.
        signal(SIGPIPE, SIG_IGN)
        // A file that would become too large is an error like any other.
        signal(SIGXFSZ, SIG_IGN)
        // `CommandLine.arguments` repairs what is not UTF-8, and so changes paths.
        let words = (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { PathText.text(of: UnsafePointer($0)) }
        }
        let code = run(words)
        if code == .readerLeft {
            // As programs do whose output nobody reads any more.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        exit(code.rawValue)
    }

    private static func run(_ words: [String]) -> ExitCode {
        switch words.first {
        case "--version":
            return Session.run { session in
                session.console.say(programVersion)
                return .finished
            }
        case "--help", "-h", "help":
            return Session.run { session in
                session.console.say(
                    try session.communicator.together { () throws(Failure) in
                        try Help.text(for: Array(words.dropFirst()))
                    })
                return .finished
            }
        default:
            return Session.run { session in
                let (command, rest) = try session.communicator.together { () throws(Failure) in
                    try Command.find(words)
                }
                if rest.contains("--help") {
                    session.console.say(try Help.text(for: [command.name]))
                    return .finished
                }
                if !command.endsOnRequest { StopRequest.uninstall() }
                let arguments = try session.communicator.together { () throws(Failure) in
                    try Arguments(rest, for: command)
                }
                return try command.run(arguments, session)
            }
        }
    }
}
