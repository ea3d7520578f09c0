import Failures
import Files
import Glibc
import Reporting
import Reports
import Watching

extension Command {
    static let watch = Command(
        name: "watch", summary: "show a run in the terminal: curves, speed, ranks; writes nothing to it",
        positions: [ValueKind("RUN", .directories)],
        options: [
            .one("every", "SECONDS", "interval between looks (default 2)"),
            .flag("once", "show the run once (default if the output is not a terminal)"),
        ],
        endsOnRequest: true,
        example: "dtrain watch runs/quickstart"
    ) { arguments, session in
        // Other ranks have nothing to do.
        guard session.communicator.rank == 0 else { return .finished }
        let seconds = try arguments.real("every", in: 0.1...86_400, default: 2)
        var run = try RunHistory(arguments.positions[0])
        let console = session.console
        guard console.isTerminal, !arguments.has("once") else {
            console.say(RunView(run).text(width: min(console.columns, 120), height: nil))
            return .finished
        }
        while true {
            console.fill(RunView(run).text(width: console.columns, height: console.rows))
            // A run that has ended does not change any more.
            if case .ended = run.state { return .finished }
            let clock = ContinuousClock()
            let next = clock.now + .seconds(seconds)
            while clock.now < next {
                if StopRequest.isPending() || console.isClosed { return .finished }
                usleep(50_000)
            }
            try run.readOn()
        }
    }
}
