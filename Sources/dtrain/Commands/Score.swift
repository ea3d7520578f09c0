import Failures
import Files
import Metrics
import Reporting

extension Command {
    static let score = Command(
        name: "score", summary: "compute BLEU, chrF or ROUGE of texts against references",
        options: [
            .one("hypotheses", .file, "model output, one segment per line, detokenized"),
            .one("references", .file, "reference texts, line by line"),
            .one(
                "metric", .choice(of: TextMetric.self, "NAME"),
                "bleu (default; 13a, 4-grams), chrf or chrf++, as in sacreBLEU; rouge1, rouge2 or rougeL, as in "
                    + "rouge-score without stemming"),
            .flag("lines", "the score of each line, the worst first, with its two texts"),
            .flag("json", "print one JSON object; with --lines, one per line"),
        ],
        example: "dtrain score --hypotheses translated.fr --references test.fr"
    ) { arguments, session in
        let text = try session.communicator.onFirstRank { () throws(Failure) in
            arguments.has("lines") ? try lineScores(arguments) : try scoreText(arguments)
        }
        session.console.write(Array((text + "\n").utf8))
        return .finished
    }
}

/// A score of texts against references.
enum TextMetric: String, CaseIterable {
    case bleu
    case chrF = "chrf"
    case chrFPlusPlus = "chrf++"
    case rouge1, rouge2, rougeL
}

/// The score of two files as one line.
///
/// - Throws: `usage` for an unknown metric; `badData` if the files cannot be compared.
func scoreText(_ arguments: Arguments) throws(Failure) -> String {
    let (hypothesesPath, referencesPath) = (
        try arguments.required("hypotheses"), try arguments.required("references")
    )
    let metric = try arguments.choice("metric") ?? TextMetric.bleu
    if let kind = ROUGE.Kind(rawValue: metric.rawValue) {
        var scores = CorpusROUGE()
        _ = try forEachPair(hypothesesPath, referencesPath) { scores.add(hypothesis: $0, reference: $1) }
        return arguments.has("json") ? json(scores, kind).printedLine : text(scores, kind)
    }
    if metric == .bleu {
        var counts = BLEUCounts()
        let lines = try forEachPair(hypothesesPath, referencesPath) {
            counts += BLEUCounts(hypothesis: $0, reference: $1)
        }
        let result = BLEU(counts)
        return arguments.has("json") ? json(result, counts, lines: lines).printedLine : text(result, counts)
    }
    let wordOrders = metric == .chrFPlusPlus ? 2 : 0
    var counts = ChrFCounts(wordOrders: wordOrders)
    let lines = try forEachPair(hypothesesPath, referencesPath) {
        counts += ChrFCounts(hypothesis: $0, reference: $1, wordOrders: wordOrders)
    }
    let score = ChrF(counts).score
    guard arguments.has("json") else { return "\(wordOrders > 0 ? "chrF++" : "chrF") \(fixed(score, 2))" }
    return JSON.object([
        .init("metric", .string(metric.rawValue)), .init("score", .number(score)), .init("lines", .integer(lines)),
        .init("signature", .string("nrefs:1|case:mixed|eff:yes|nc:6|nw:\(wordOrders)|space:no")),
    ]).printedLine
}

/// Calls `body` with each pair of corresponding lines.
///
/// - Returns: The number of lines.
/// - Throws: `badData` if the files have different numbers of lines.
func forEachPair(
    _ hypothesesPath: String, _ referencesPath: String, _ body: (String, String) -> Void
) throws(Failure) -> Int {
    let (hypotheses, references) = (try LineReader(hypothesesPath), try LineReader(referencesPath))
    while true {
        let (hypothesis, reference) = (try hypotheses.next(), try references.next())
        guard let hypothesis, let reference else {
            if hypothesis == nil, reference == nil { return hypotheses.lineNumber }
            break
        }
        body(String(decoding: hypothesis, as: UTF8.self), String(decoding: reference, as: UTF8.self))
    }
    for lines in [hypotheses, references] { while try lines.next() != nil {} }
    throw Failure(
        .badData,
        "\(hypothesesPath) and \(referencesPath) differ in length: \(hypotheses.lineNumber) and "
            + "\(references.lineNumber) lines. Line N of the first is compared with line N of the second; an empty hypothesis "
            + "is an empty line.")
}

private func text(_ result: BLEU, _ counts: BLEUCounts) -> String {
    let precisions = result.precisions.map { fixed($0, 1) }.joined(separator: "/")
    return
        "BLEU \(fixed(result.score, 2)), precisions \(precisions), brevity penalty \(fixed(result.brevityPenalty, 3)), "
        + "\(grouped(counts.hypothesisTokens)) tokens against \(grouped(counts.referenceTokens))"
}

/// The score as JSON, with the signature that sacreBLEU prints for the same settings.
private func json(_ result: BLEU, _ counts: BLEUCounts, lines: Int) -> JSON {
    [
        "metric": "bleu", "score": .number(result.score), "precisions": .array(result.precisions.map { .number($0) }),
        "brevity_penalty": .number(result.brevityPenalty), "hypothesis_tokens": .integer(counts.hypothesisTokens),
        "reference_tokens": .integer(counts.referenceTokens), "matches": .array(counts.matches.map { .integer($0) }),
        "totals": .array(counts.totals.map { .integer($0) }), "lines": .integer(lines),
        "signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp",
    ]
}

private func text(_ scores: CorpusROUGE, _ kind: ROUGE.Kind) -> String {
    let means = scores[kind]
    return "ROUGE-\(kind.rawValue.dropFirst(5)) \(fixed(means.f1, 2)), precision \(fixed(means.precision, 2)), "
        + "recall \(fixed(means.recall, 2)), mean over \(counted(scores.lines, "line"))"
}

private func json(_ scores: CorpusROUGE, _ kind: ROUGE.Kind) -> JSON {
    let means = scores[kind]
    return [
        "metric": .string(kind.rawValue), "score": .number(means.f1), "precision": .number(means.precision),
        "recall": .number(means.recall), "lines": .integer(scores.lines), "signature": "nrefs:1|stem:no|mean:lines",
    ]
}
