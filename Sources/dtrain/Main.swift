import Collectives
import Failures
import Glibc
import Metrics
import Settings
import Texts
import Training
import Watching

@main
struct Main {
    static func main() {
        // First of all: a signal that finds no handler kills the rank, and with it the job.
        StopRequest.install()
        // A training goes on where nobody reads its output any more.
        signal(SIGPIPE, SIG_IGN)
        // A file that would become too large is an error like any other.
        signal(SIGXFSZ, SIG_IGN)
        let code = run(Array(CommandLine.words.dropFirst()))
        if code == .readerLeft {
            // As programs do whose output nobody reads any more.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        exit(code.rawValue)
    }

    private static func run(_ words: [String]) -> ExitCode {
        Session.run { session in
            let invocation = try session.communicator.together { () throws(Failure) in try Invocation(words) }
            switch invocation {
            case .version: session.console.say(programVersion)
            case .help(let text): session.console.say(text)
            case .run(let command, let arguments):
                if !command.endsOnRequest { StopRequest.uninstall() }
                if command.needsAllRanks { try LoneRank.refuse(command.name, session.communicator) }
                return try command.run(arguments, session)
            }
            return .finished
        }
    }
}

extension CommandLine {
    /// The program's name and its arguments, as paths: see `PathText`. `arguments` repairs what is not UTF-8, and so changes
    /// paths.
    static var words: [String] {
        (0..<Int(argc)).compactMap { index in unsafeArgv[index].map { PathText.text(of: UnsafePointer($0)) } }
    }
}
