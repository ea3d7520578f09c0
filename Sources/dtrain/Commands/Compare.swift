import Failures
import Files
import Reports
import Texts

extension Command {
    static let compare = Command(
        name: "compare", summary: "compare runs: the settings that differ, the best metrics, the speed",
        positions: [ValueKind("RUN", .directories)], repeatsLastPosition: true,
        options: [
            .flag("json", "print one JSON object"),
            .one("output", .file, "curves of all runs: FILE.svg, a picture, or FILE.html, a page"),
        ],
        example: "dtrain compare runs/a runs/b --output curves.svg"
    ) { arguments, session in
        // Other ranks have nothing to do.
        guard session.communicator.rank == 0 else { return .finished }
        let path = arguments.value("output")
        let isPage = path?.hasExactSuffix(".html") ?? false
        guard path == nil || isPage || path!.hasExactSuffix(".svg") else {
            throw arguments.usage("--output: found \(path!); allowed: a name that ends with .svg or .html.")
        }
        let file = try path.map { (path) throws(Failure) in try OutputFile(path, option: "compare: --output") }
        try file?.refuseFilesOfOurs("compare: --output")
        let runs = try RunHistory.all(arguments.positions)
        let comparison = Comparison(runs)
        session.console.say(arguments.has("json") ? comparison.json.printedLine : comparison.text)
        guard let file else { return .finished }
        let picture =
            isPage
            ? ReportPage(ReportContents(runs)).html()
            : CurvePicture.svg(Chart.all(of: runs, limit: 800), runs: runs.map(\.name))
        try file.begin()
        try file.write(Array(picture.utf8))
        try file.close()
        return .finished
    }
}
