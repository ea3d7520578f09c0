import Failures
import Inference
import Metrics
import Reporting

// Sections that the checkpoint of a run fills.

extension ReportSection {
    /// The classes that are shown at most.
    private static let classLimit = 40

    /// The scores of each class and the confusion matrix.
    @Sendable static func classes(_ contents: ReportContents) -> ReportSection? {
        guard let findings = contents.findings, let (names, matrix) = findings.classes else { return nil }
        let counts = matrix.classes
        let shown = counts.indices.sorted { (-counts[$0].support, $0) < (-counts[$1].support, $1) }.prefix(classLimit)
            .sorted()
        let rows = shown.map { place in
            let scores = counts[place].scores
            return ["\(place + 1) \(names[place])"] + [scores.precision, scores.recall, scores.f1].map { fixed($0, 3) }
                + [grouped(counts[place].support)]
        }
        let header = HTML.element(
            "tr", [:],
            [.element("th", [:], [.text("target \\ prediction")])]
                + shown.map { .element("th", ["class": "number"], [.text("\($0 + 1)")]) })
        let lines = shown.map { target -> HTML in
            let total = Double(max(1, counts[target].support))
            return .element(
                "tr", [:],
                [.element("th", [:], [.foreign("\(target + 1) \(names[target])", limit: 60)])]
                    + shown.map { prediction in
                        let count = matrix[target, prediction]
                        return .element(
                            "td", ["style": "--share: \(fixed(Double(count) / total, 3))"], [.text(grouped(count))])
                    })
        }
        let left = names.count > shown.count ? " \(shown.count) of \(names.count) classes are shown." : ""
        return ReportSection(
            "classes", "Classes",
            [
                .element(
                    "p", ["class": "faint"],
                    [
                        .text(
                            "\(source(findings)): \(counted(matrix.sampleCount, "record")), accuracy "
                                + "\(fixed(100 * matrix.accuracy, 2)) %.\(left)")
                    ]),
                table(["class", "precision", "recall", "F1", "records"], rows),
                .element("p", [:], [.text("Rows are targets, columns are predictions.")]),
                .element(
                    "div", ["class": "scroll"], [.element("table", ["class": "matrix"], [header] + lines)]),
            ])
    }

    /// The best and the worst predictions beside their references.
    @Sendable static func examples(_ contents: ReportContents) -> ReportSection? {
        guard let findings = contents.findings else { return nil }
        if !findings.continuations.isEmpty {
            return ReportSection(
                "examples", "Samples",
                [
                    .element(
                        "p", ["class": "faint"],
                        [.text("\(source(findings)): the beginnings of validation texts, continued greedily.")]),
                    cards(findings.continuations, hasMark: false),
                ])
        }
        guard !findings.examples.isEmpty else { return nil }
        let ranked = findings.examples.sorted { ($0.quality, $0.record) < ($1.quality, $1.record) }
        let score = findings.translations.map { "\($0.text). " } ?? ""
        return ReportSection(
            "examples", "Best and worst",
            [
                .element(
                    "p", ["class": "faint"],
                    [.text("\(source(findings)), \(counted(ranked.count, "record")). \(score)")]),
                .element("h3", [:], [.text("The worst")]), cards(Array(ranked.prefix(8)), hasMark: true),
                .element("h3", [:], [.text("The best")]), cards(ranked.suffix(4).reversed(), hasMark: true),
            ])
    }

    /// The data and the checkpoint that findings are about.
    static func source(_ findings: ModelFindings) -> String {
        "Validation split, checkpoint of step \(findings.step)"
    }

    private static func cards(_ examples: [Example], hasMark: Bool) -> HTML {
        .element(
            "div", ["class": "examples"],
            examples.map { example in
                var parts: [HTML] = []
                func add(_ name: String, _ text: String, _ mark: String = "") {
                    parts.append(.element("dt", [:], [.text(name)]))
                    parts.append(.element("dd", mark.isEmpty ? [:] : ["class": mark], [.foreign(text)]))
                }
                if let input = example.input { add("input", input) }
                add("reference", example.reference.text)
                add("prediction", example.prediction.text, hasMark ? (example.isCorrect ? "good" : "bad") : "")
                if let probability = example.probability {
                    add("probability", "\(fixed(probability, 3)); of the reference: \(fixed(example.quality, 3))")
                } else if hasMark, case .text = example.reference {
                    add("chrF", fixed(example.quality, 1))
                }
                return .element(
                    "dl", ["class": "example"],
                    [.element("small", [:], [.text("record \(example.record)")])] + parts)
            })
    }
}
