import Files
import Texts

/// A part of the page with a heading.
package struct ReportSection: Sendable {
    /// The name by which links refer to it.
    package let id: String
    package let title: String
    package let body: [HTML]

    package init(_ id: String, _ title: String, _ body: [HTML]) {
        (self.id, self.title, self.body) = (id, title, body)
    }
}

/// What sections are made from.
package struct ReportContents {
    package var runs: [RunHistory]
    /// What the model of the first run makes of its validation data; nil if it was not asked.
    package var findings: ModelFindings?

    package init(_ runs: [RunHistory], findings: ModelFindings? = nil) {
        (self.runs, self.findings) = (runs, findings)
    }
}

/// One self-contained page about runs: no network, no script but its own.
package struct ReportPage {
    private let contents: ReportContents
    /// The interval at which the page asks for newer data, in seconds; 0: never.
    private let refreshSeconds: Int
    /// The maximum number of points of a curve.
    private static let pointLimit = 2000

    /// The sections in the order of the page; one that has nothing to tell returns nil. A new section is one more line.
    package static let sections: [@Sendable (ReportContents) -> ReportSection?] = [
        ReportSection.results, ReportSection.differences, ReportSection.timeline, ReportSection.time,
        ReportSection.classes, ReportSection.examples, ReportSection.explanations, ReportSection.attention,
        ReportSection.embeddings, ReportSection.omissions, ReportSection.training,
    ]

    package init(_ contents: ReportContents, refreshSeconds: Int = 0) {
        (self.contents, self.refreshSeconds) = (contents, refreshSeconds)
    }

    /// The page.
    ///
    /// - Parameter nonce: A word that nobody can guess: only scripts that bear it run.
    package func html(nonce: String = ReportPage.randomNonce()) -> String {
        let sections = ReportPage.sections.compactMap { $0(contents) }
        let policy =
            "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'"
        let title = contents.runs.map(\.name).joined(separator: ", ")
        let links = [("curves", "Curves")] + sections.map { ($0.id, $0.title) }
        let head = HTML.element(
            "head", [:],
            [
                .element("meta", ["charset": "utf-8"]),
                .element("meta", ["http-equiv": "Content-Security-Policy", "content": policy]),
                .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .element("title", [:], [.text("dtrain: \(title)")]), .code("style", [:], PageStyle.code),
            ])
        let body = HTML.element(
            "body", [:],
            [
                .element("h1", [:], [.foreign(title)]),
                .element("p", ["class": "faint", "id": "state"], [.text(state)]),
                .element("nav", [:], links.map { .element("a", ["href": "#\($0)"], [.text($1)]) }),
                .element("h2", ["id": "curves"], [.text("Curves")]),
                .element(
                    "p", ["class": "faint"],
                    [
                        .text(
                            "Point at a curve for its numbers; drag to zoom in on steps, double-click for the whole run."
                        )
                    ]),
                .element("div", ["class": "legend", "id": "legend"]),
                .element("div", ["class": "charts", "id": "charts"]),
            ] + sections.flatMap { [HTML.element("h2", ["id": $0.id], [.text($0.title)])] + $0.body } + [
                .data("data", data), .code("script", ["nonce": nonce], PageScript.code),
            ] + model(nonce))
        return "<!doctype html>\n"
            + HTML.element("html", ["lang": "en"], [head, body]).source + "\n"
    }

    /// The look into the model that a script draws; nothing if there is none.
    private func model(_ nonce: String) -> [HTML] {
        guard let insights = contents.findings?.insights else { return [] }
        return [.data("model", insights.json), .code("script", ["nonce": nonce], PageScript.modelCode)]
    }

    /// The data that the script draws.
    package var data: JSON {
        let names = contents.runs.map(\.name)
        func curves(_ curves: [Curve]) -> JSON {
            .array(
                curves.map { curve in
                    [
                        "name": .string(curve.name), "run": .integer(curve.run),
                        "x": .array(curve.points.map { .integer(Int($0.x)) }),
                        "y": .array(curve.points.map { .number(ReportPage.short($0.y)) }),
                    ]
                })
        }
        let charts = Chart.all(of: contents.runs, limit: ReportPage.pointLimit).map { chart -> JSON in
            [
                "title": .string(chart.title), "logarithmic": .boolean(chart.isLogarithmic),
                "lines": curves(chart.lines), "marks": curves(chart.marks),
            ]
        }
        return [
            "runs": .array(names.map(JSON.string)), "state": .string(state), "refresh": .integer(refreshSeconds),
            "charts": .array(charts),
        ]
    }

    /// The state of the runs in one line.
    private var state: String {
        contents.runs.map { run in
            let of = run.steps.map { " of \($0)" } ?? ""
            return (contents.runs.count > 1 ? "\(run.name): " : "")
                + "step \(run.metrics.lastStep)\(of), \(run.state.text)"
        }.joined(separator: "; ")
    }

    /// The number in Float32, whose text is shorter.
    private static func short(_ value: Double) -> Double { Double("\(Float(value))") ?? value }

    /// 128 random bits in hexadecimal digits.
    package static func randomNonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in String(generator.next(), radix: 16) }.joined(separator: "0")
    }
}
