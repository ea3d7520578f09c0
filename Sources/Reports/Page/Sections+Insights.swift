import Failures
import Files
import Interpretation
import Reporting

// Sections that a look into the model of a run fills.

extension ReportSection {
    /// The maps of attention, which the script draws.
    @Sendable static func attention(_ contents: ReportContents) -> ReportSection? {
        guard let findings = contents.findings, !findings.insights.attention.isEmpty else { return nil }
        return ReportSection(
            "attention", "Attention",
            [
                note(
                    "\(source(findings)). A row is a token that attends, a column one that it attends to. Point at a cell "
                        + "for its probability."),
                .element("div", ["class": "maps", "id": "maps"]),
            ])
    }

    /// The map of the token vectors, which the script draws.
    @Sendable static func embeddings(_ contents: ReportContents) -> ReportSection? {
        guard let findings = contents.findings, let first = findings.insights.projections.first else { return nil }
        return ReportSection(
            "embeddings", "Embeddings",
            [
                note(
                    "The vectors of \(counted(first.names.count, "token")) with a letter, checkpoint of step "
                        + "\(findings.step). Principal components show \(percent(first.shares.prefix(2).reduce(0, +), 1)) of "
                        + "the variance in two dimensions, \(percent(first.shares.reduce(0, +), 1)) in three; t-SNE keeps "
                        + "neighbours together. Drag to turn three dimensions."),
                .element("div", ["id": "points"]),
            ])
    }

    /// Predictions with the tokens that they depend on.
    @Sendable static func explanations(_ contents: ReportContents) -> ReportSection? {
        guard let findings = contents.findings, !findings.insights.explanations.isEmpty else { return nil }
        return ReportSection(
            "explanations", "Why it predicts that",
            [
                note(
                    "\(source(findings)). The brighter a token, the more the prediction depends on it (integrated "
                        + "gradients): blue for the prediction, orange against it."),
                .element("div", ["class": "examples"], findings.insights.explanations.map(explanation)),
            ])
    }

    /// What is left out of the sections about the model, and why.
    @Sendable static func omissions(_ contents: ReportContents) -> ReportSection? {
        guard let notices = contents.findings?.insights.notices, !notices.isEmpty else { return nil }
        return ReportSection(
            "omissions", "Left out", [.element("ul", [:], notices.map { .element("li", [:], [.foreign($0)]) })])
    }

    private static func note(_ text: String) -> HTML { .element("p", ["class": "faint"], [.text(text)]) }

    private static func explanation(_ explanation: Explanation) -> HTML {
        let largest = explanation.influences.map { abs($0.attribution) }.max() ?? 0
        func tokens(_ influences: [Explanation.Influence]) -> HTML {
            .element(
                "dd", ["class": "tokens"],
                influences.map { influence in
                    let share = largest > 0 ? abs(influence.attribution) / largest : 0
                    let omission = influence.omission.map { "; left out: \(fixed($0, 3))" } ?? ""
                    return .element(
                        "span",
                        [
                            "class": influence.attribution >= 0 ? "for" : "against",
                            "style": "--share: \(fixed(share, 2))",
                            "title": "attribution \(fixed(influence.attribution, 3))\(omission)",
                        ], [.foreign(influence.token, limit: 60)])
                })
        }
        func term(_ name: String) -> HTML { .element("dt", [:], [.text(name)]) }
        let source = explanation.influences.filter(\.isSource)
        var parts = source.isEmpty ? [] : [term("source"), tokens(source)]
        parts += [term(source.isEmpty ? "input" : "target"), tokens(explanation.influences.filter { !$0.isSource })]
        parts.append(term("prediction"))
        let probability = fixed(explanation.probability, 3)
        parts.append(
            .element(
                "dd", [:],
                explanation.output.map { [HTML.foreign($0, limit: 60), .text(", probability \(probability)")] }
                    ?? [.text(probability)]))
        let layers = explanation.lens.layers.map { layer in
            ["\(layer.blocks)", layer.prediction ?? "", fixed(layer.value, 3), fixed(layer.explained, 3)]
        }
        parts.append(
            .element(
                "dd", [:],
                [
                    .element(
                        "details", [:],
                        [
                            .element("summary", [:], [.text("what each layer would predict (logit lens)")]),
                            table(
                                ["after block", "prediction", "probability", "final prediction"], layers,
                                numbersFrom: 2),
                        ])
                ]))
        parts.append(
            .element(
                "dd", [:],
                [.element("small", [:], [.text("completeness gap \(scientific(explanation.gap))")])]))
        return .element("dl", ["class": "example"], parts)
    }
}

extension ModelInsights {
    /// The data that the script draws.
    var json: JSON {
        ["attention": .array(attention.map(\.pageData)), "projections": .array(projections.map(\.pageData))]
    }
}

extension PromptAttention {
    /// The maps, a character for each cell.
    fileprivate var pageData: JSON {
        func names(_ tokens: [String]) -> JSON { .array(tokens.map { .string(String($0.unicodeScalars.prefix(40))) }) }
        func text(_ values: some Sequence<Float>) -> JSON { .string(PromptAttention.characters(values)) }
        return [
            "parts": .array(
                parts.map { part in
                    [
                        "title": .string(part.heading), "rows": names(part.queries), "columns": names(part.keys),
                        "rollout": part.rollout.map { text($0) } ?? .null,
                        "layers": .array(
                            part.layers.map { map in
                                let size = map.queries * map.keys
                                return .array(
                                    (0..<map.heads).map { text(map.probabilities[($0 * size)...].prefix(size)) })
                            }),
                    ]
                }),
            "note": alignment.map {
                JSON.string(
                    "\($0.inOrder.count) of \($0.inOrder.pairs) neighbouring target tokens attend in the order of the source."
                )
            } ?? .null,
        ]
    }

    /// Probabilities in steps of 1/63, as the letters of base64 for URLs.
    private static func characters(_ values: some Sequence<Float>) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return String(decoding: values.map { letters[Int((min(1, max(0, $0)) * 63).rounded())] }, as: UTF8.self)
    }
}

extension Projection {
    /// The points, scaled so that the largest coordinate is 1000.
    fileprivate var pageData: JSON {
        let largest = points.map(abs).max() ?? 0
        return [
            "title": .string(method == .pca ? "PCA" : "t-SNE"), "dimensions": .integer(dimensions),
            "names": .array(names.map { .string(String($0.unicodeScalars.prefix(40))) }),
            "points": .array(points.map { .integer(Int((largest > 0 ? $0 / largest * 1000 : 0).rounded())) }),
        ]
    }
}
