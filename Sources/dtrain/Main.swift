import Collectives
import Failures
import Glibc
import Metrics
import Settings
import Watching

@main
struct Main {
    static func main() {
        // Called first: a signal without a handler kills the rank, and with it the job.
        StopRequest.install()
        // Training continues if the reader of its output has ended.
        signal(SIGPIPE, SIG_IGN)
        // Exceeding the file size limit is then an error of the write call.
        signal(SIGXFSZ, SIG_IGN)
        let code = run(Array(CommandLine.words.dropFirst()))
        if code == .readerLeft {
            // Ends by SIGPIPE, as is usual for programs whose reader has ended.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        exit(code.rawValue)
    }

    private static func run(_ words: [String]) -> ExitCode {
        Session.run { session in
            let found = Result { () throws(Failure) in try Invocation(words) }
            try session.communicator.requireSameCommand(Invocation.sharedWords(words, found))
            let invocation = try session.communicator.together { () throws(Failure) in try found.get() }
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
