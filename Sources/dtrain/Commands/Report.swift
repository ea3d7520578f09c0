import Failures
import Files
import Reporting
import Reports
import Resources
import Watching

extension Command {
    static let report = Command(
        name: "report", summary: "write a page about runs: curves, settings, predictions; or serve it while they train",
        positions: [ValueKind("RUN", .directories)], repeatsLastPosition: true,
        options: [
            .one("output", .file, "the page, one self-contained HTML file"),
            .optional("serve", "PORT", "serve the page on this host while the runs train (default 8050)"),
            .one("seconds", "N", "time for a look into the best model (default 30, with --serve 0; 0: none)"),
            .threads,
        ],
        endsOnRequest: true,
        example: "dtrain report runs/quickstart --output report.html"
    ) { arguments, session in
        // Other ranks have nothing to do.
        guard session.communicator.rank == 0 else { return .finished }
        let threads = try arguments.threads()
        let seconds = try arguments.real("seconds", in: 0...86_400, default: arguments.has("serve") ? 0 : 30)
        guard arguments.has("output") != arguments.has("serve") else {
            throw arguments.usage("name either --output FILE or --serve.")
        }
        if arguments.has("serve") { return try serve(arguments, session, seconds: seconds, threads) }
        let file = try OutputFile(try arguments.required("output"), option: "report: --output")
        try file.refuseFilesOfOurs("report: --output")
        var contents = ReportContents(try RunHistory.all(arguments.positions))
        contents.findings = try findings(contents.runs[0], seconds: seconds, threads, session)
        let page = ReportPage(contents).html()
        try file.begin()
        try file.write(Array(page.utf8))
        try file.close()
        session.console.say("wrote \(file.path): \(grouped(page.utf8.count)) bytes")
        return .finished
    }

    /// The findings about the model of a run; nil for 0 seconds, and with a warning if there is no model to look into.
    private static func findings(
        _ run: RunHistory, seconds: Double, _ threads: ThreadCount, _ session: Session
    ) throws -> ModelFindings? {
        guard seconds > 0 else { return nil }
        try ComputeThreads.startAlone(threads)
        do throws(Failure) {
            return try ModelFindings(of: run, seconds: seconds)
        } catch {
            session.console.warn("\(error.message) The page has no predictions.")
            return nil
        }
    }

    /// Serves the page until the command is asked to stop. The curves are refreshed; the model is looked into once.
    private static func serve(
        _ arguments: Arguments, _ session: Session, seconds: Double, _ threads: ThreadCount
    ) throws -> ExitCode {
        var runs = try RunHistory.all(arguments.positions)
        let server = try PageServer(port: try arguments.integer("serve", in: 0...65535, default: 8050))
        let model = try findings(runs[0], seconds: seconds, threads, session)
        session.console.say("http://localhost:\(server.port) (Ctrl-C ends)")
        _ = session.console.flush()
        try server.run(unless: StopRequest.isPending) { path throws(Failure) in
            guard path == "/" || path == "/data.json" else { return nil }
            for index in runs.indices { try runs[index].readOn() }
            let page = ReportPage(ReportContents(runs, findings: model), refreshSeconds: 3)
            return path == "/" ? ("text/html", page.html()) : ("application/json", page.data.line)
        }
        return .finished
    }
}

extension RunHistory {
    /// The runs with these paths.
    ///
    /// - Throws: As `init`.
    static func all(_ paths: [String]) throws(Failure) -> [RunHistory] {
        var runs: [RunHistory] = []
        for path in paths { runs.append(try RunHistory(path)) }
        return runs
    }
}
