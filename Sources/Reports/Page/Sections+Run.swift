import Checkpoints
import Failures
import Files
import Reporting
import Settings
import Texts

// Sections that files of the runs fill.

extension ReportSection {
    /// A table with a row of headings.
    static func table(_ header: [String], _ rows: [[String]], numbersFrom first: Int = 1) -> HTML {
        func cells(_ name: StaticString, _ row: [String]) -> HTML {
            .element(
                "tr", [:],
                row.enumerated().map {
                    .element(name, $0 < first ? [:] : ["class": "number"], [.foreign($1, limit: 300)])
                })
        }
        return .element(
            "div", ["class": "scroll"], [.element("table", [:], [cells("th", header)] + rows.map { cells("td", $0) })])
    }

    /// The best metrics and the speed of each run.
    @Sendable static func results(_ contents: ReportContents) -> ReportSection? {
        let comparison = Comparison(contents.runs)
        let rows = comparison.results.map { [$0.name] + $0.values.map { $0.map(Comparison.text) ?? "" } }
        return ReportSection("results", "Results", [table([""] + contents.runs.map(\.name), rows)])
    }

    /// The settings that differ between runs.
    @Sendable static func differences(_ contents: ReportContents) -> ReportSection? {
        guard contents.runs.count > 1 else { return nil }
        let rows = Comparison(contents.runs).settings.map { [$0.key] + $0.values.map { $0 ?? "?" } }
        let body =
            rows.isEmpty
            ? HTML.element("p", [:], [.text("The settings are the same.")])
            : table(["key"] + contents.runs.map(\.name), rows)
        return ReportSection("differences", "Settings that differ", [body])
    }

    /// Starts, skipped steps, evaluations and checkpoints along the steps of each run.
    @Sendable static func timeline(_ contents: ReportContents) -> ReportSection? {
        let body = contents.runs.flatMap { run -> [HTML] in
            let heading = contents.runs.count > 1 ? [HTML.element("h3", [:], [.foreign(run.name)])] : []
            return heading + [picture(of: run), list(of: run)]
        }
        return ReportSection("timeline", "Timeline", body)
    }

    private static func picture(of run: RunHistory) -> HTML {
        let last = Double(max(run.metrics.lastStep, run.sessions.map(\.firstStep).max() ?? 1, 1))
        func mark(_ step: Int, _ y: Int, _ height: Int, _ colour: String, _ words: String) -> HTML {
            .element(
                "rect",
                [
                    "x": fixed(90 + 880 * Double(step) / last, 1), "y": "\(y)", "width": "3",
                    "height": "\(height)",
                    "fill": colour,
                ], [.element("title", [:], [.text("\(words), step \(step)")])])
        }
        let rows: [(String, [HTML])] = [
            ("starts", run.sessions.map { mark($0.firstStep, 4, 14, "var(--mark)", "start") }),
            ("skipped", run.metrics.skips.prefix(2000).map { mark($0.step, 28, 14, "var(--bad)", $0.reason) }),
            ("checkpoints", run.checkpoints.map { mark($0.step, 52, 14, "var(--good)", "checkpoint") }),
        ]
        let lines = rows.enumerated().flatMap { index, row -> [HTML] in
            let y = 15 + 24 * index
            return [
                .element("text", ["x": "80", "y": "\(y)", "text-anchor": "end"], [.text(row.0)]),
                .element(
                    "line", ["class": "grid", "x1": "90", "x2": "973", "y1": "\(y + 4)", "y2": "\(y + 4)"]),
            ] + row.1
        }
        return .element(
            "div", ["class": "scroll"],
            [
                .element(
                    "svg",
                    [
                        "viewBox": "0 0 980 76", "style": "min-width: 560px; max-width: 980px", "role": "img",
                        "aria-label": "timeline",
                    ],
                    lines)
            ])
    }

    private static func list(of run: RunHistory) -> HTML {
        var lines = run.sessions.enumerated().map { index, session in
            let facts = session.facts.compactMap { $0.name == "ranks" ? nil : $0.value.stringValue }
            return "start \(index + 1): from step \(session.firstStep), \(clockTime(session.end - session.start)) long"
                + (facts.isEmpty ? "" : ", \(facts.joined(separator: ", "))")
        }
        let reasons = Dictionary(grouping: run.metrics.skips, by: \.reason)
        for (reason, skips) in reasons.sorted(by: { $0.key < $1.key }) {
            lines.append("\(counted(skips.count, "step")) without an update: \(reason)")
        }
        if let newest = run.checkpoints.last {
            lines.append("\(counted(run.checkpoints.count, "checkpoint")), the newest of step \(newest.step)")
        }
        return .element("ul", [:], lines.map { .element("li", [:], [.foreign($0)]) })
    }

    /// Where the time of the first run went.
    @Sendable static func time(_ contents: ReportContents) -> ReportSection? {
        let run = contents.runs[0]
        guard let training = run.trainingSeconds, training > 0 else { return nil }
        let evaluation = run.evaluationSeconds
        let wall = run.sessions.reduce(0) { $0 + $1.end - $1.start }
        var parts = [("training steps", training, "#0072b2"), ("evaluations", evaluation, "#e69f00")]
        if wall > training + evaluation {
            parts.append(("checkpoints and the rest", wall - training - evaluation, "#888888"))
        }
        let total = parts.reduce(0) { $0 + $1.1 }
        let bar = HTML.element(
            "div", ["class": "bar"],
            parts.map {
                .element("span", ["style": "--share: \(fixed($0.1 / total, 4)); --colour: \($0.2)", "title": $0.0])
            })
        let rows = parts.map { [$0.0, clockTime($0.1), "\(fixed(100 * $0.1 / total, 1)) %"] }
        let spans = RankTrace.shares(of: run.directory)
        let traced =
            spans.isEmpty
            ? []
            : [
                HTML.element("p", [:], [.text("Within the traced steps of rank 0 (--profile):")]),
                table(["part", "share"], spans.map { [$0.name, "\(fixed(100 * $0.share, 1)) %"] }),
            ]
        let name = contents.runs.count > 1 ? " (\(run.name))" : ""
        return ReportSection(
            "time", "Where the time went\(name)", [bar, table(["part", "time", "share"], rows)] + traced)
    }

    /// What was trained on what: configuration, data, processor, ranks, versions, digest.
    @Sendable static func training(_ contents: ReportContents) -> ReportSection? {
        let body = contents.runs.flatMap { run -> [HTML] in
            var rows = [["run", run.directory.path]]
            for fact in run.sessions.last?.facts ?? [] {
                let value = fact.value.stringValue ?? fact.value.integerValue.map(String.init) ?? ""
                rows.append([fact.name, value])
            }
            if let checkpoint = run.checkpoints.last {
                rows.append(["newest checkpoint", "step \(checkpoint.step), digest \(checkpoint.digest)"])
                rows.append(["tokens or records trained on", grouped(checkpoint.state.tokens)])
                if let dataset = checkpoint.identity["dataset"]?.stringValue {
                    rows.append(["dataset digest", dataset])
                }
                if let identity = try? CheckpointIdentity(checkpoint) {
                    rows.append([
                        "dataset", "\(identity.configuration.data.directory) (\(identity.facts.kind.rawValue))",
                    ])
                    if identity.sizes.vocabularySize > 0 {
                        rows.append(["vocabulary", grouped(identity.sizes.vocabularySize)])
                    }
                }
            }
            let heading = contents.runs.count > 1 ? [HTML.element("h3", [:], [.foreign(run.name)])] : []
            let yaml = run.configuration.map {
                [
                    HTML.element(
                        "details", [:],
                        [
                            .element("summary", [:], [.text("config.yaml")]),
                            .element("pre", [:], [.foreign($0.resolvedYAML, limit: 20_000)]),
                        ])
                ]
            }
            return heading + [table(["", ""], rows, numbersFrom: 2)] + (yaml ?? [])
        }
        return ReportSection("training", "What was trained on what", body)
    }
}
