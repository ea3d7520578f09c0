import Failures
import Files
import Metrics
import Training

extension Command {
    static let score = Command(
        name: "score", summary: "compare texts with reference texts by BLEU or chrF",
        options: [
            .one("hypotheses", "FILE", "what a model wrote, a segment a line, detokenized"),
            .one("references", "FILE", "what it should have written, line for line"),
            .one("metric", "NAME", "bleu (default; 13a, 4-grams), chrf or chrf++, each as sacreBLEU computes it"),
            .flag("json", "print one JSON object"),
        ],
        example: "dtrain score --hypotheses translated.fr --references test.fr"
    ) { arguments, session in
        session.console.say(try session.communicator.onFirstRank { () throws(Failure) in try scoreText(arguments) })
        return .finished
    }
}

/// The score of two files as one line.
///
/// - Throws: `usage` for an unknown metric, `badData` for files that cannot be compared.
func scoreText(_ arguments: Arguments) throws(Failure) -> String {
    let (hypothesesPath, referencesPath) = (
        try arguments.required("hypotheses"), try arguments.required("references")
    )
    let metric = arguments.value("metric") ?? "bleu"
    guard ["bleu", "chrf", "chrf++"].contains(metric) else {
        throw arguments.usage("--metric: found \(metric); allowed: bleu, chrf, chrf++.")
    }
    let (hypotheses, references) = (try textLines(of: hypothesesPath), try textLines(of: referencesPath))
    guard hypotheses.count == references.count else {
        throw Failure(
            .badData,
            "\(hypothesesPath) and \(referencesPath) differ in length: \(hypotheses.count) against \(references.count) "
                + "lines. Line N of the one is compared with line N of the other; an empty hypothesis is an empty line."
        )
    }
    let pairs = zip(hypotheses, references)
    if metric == "bleu" {
        let counts = pairs.reduce(into: BLEUCounts()) { $0 += BLEUCounts(hypothesis: $1.0, reference: $1.1) }
        let result = BLEU(counts)
        return arguments.has("json") ? json(result, counts, lines: hypotheses.count).line : text(result, counts)
    }
    let wordOrders = metric == "chrf++" ? 2 : 0
    let counts = pairs.reduce(into: ChrFCounts(wordOrders: wordOrders)) {
        $0 += ChrFCounts(hypothesis: $1.0, reference: $1.1, wordOrders: wordOrders)
    }
    let score = ChrF(counts).score
    guard arguments.has("json") else { return "\(wordOrders > 0 ? "chrF++" : "chrF") \(fixed(score, 2))" }
    return JSON.object([
        .init("metric", .string(metric)), .init("score", .number(score)), .init("lines", .integer(hypotheses.count)),
        .init("signature", .string("nrefs:1|case:mixed|eff:yes|nc:6|nw:\(wordOrders)|space:no")),
    ]).line
}

private func text(_ result: BLEU, _ counts: BLEUCounts) -> String {
    let precisions = result.precisions.map { fixed($0, 1) }.joined(separator: "/")
    return
        "BLEU \(fixed(result.score, 2)), precisions \(precisions), brevity penalty \(fixed(result.brevityPenalty, 3)), "
        + "\(grouped(counts.hypothesisTokens)) tokens against \(grouped(counts.referenceTokens))"
}

/// The signature is sacreBLEU's, for people who quote the score.
private func json(_ result: BLEU, _ counts: BLEUCounts, lines: Int) -> JSON {
    [
        "metric": "bleu", "score": .number(result.score), "precisions": .array(result.precisions.map { .number($0) }),
        "brevity_penalty": .number(result.brevityPenalty), "hypothesis_tokens": .integer(counts.hypothesisTokens),
        "reference_tokens": .integer(counts.referenceTokens), "matches": .array(counts.matches.map { .integer($0) }),
        "totals": .array(counts.totals.map { .integer($0) }), "lines": .integer(lines),
        "signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp",
    ]
}
