import Failures
import Files
import Metrics
import Reporting

/// The scores of the lines of two files, the worst line first, as lines.
///
/// BLEU of a single segment ignores the orders of n-grams that are longer than it, as sacreBLEU's scores of sentences
/// do.
///
/// - Throws: As `scoreText`.
func lineScores(_ arguments: Arguments) throws(Failure) -> String {
    let metric = try arguments.choice("metric") ?? TextMetric.bleu
    var scored: [(line: Int, score: Double, hypothesis: String, reference: String)] = []
    let lines = try forEachPair(try arguments.required("hypotheses"), try arguments.required("references")) {
        scored.append((scored.count + 1, metric.score(of: $0, against: $1), $0, $1))
    }
    let width = "\(lines)".utf8.count
    scored.sort { ($0.score, $0.line) < ($1.score, $1.line) }
    return scored.map { row in
        if arguments.has("json") {
            return JSON.object([
                .init("line", .integer(row.line)), .init("metric", .string(metric.rawValue)),
                .init("score", .number(row.score)), .init("hypothesis", .string(row.hypothesis)),
                .init("reference", .string(row.reference)),
            ]).printedLine
        }
        let number = "\(row.line)"
        return String(repeating: " ", count: width - number.utf8.count)
            + "\(number)\t\(fixed(row.score, 2))\t\(oneLine(row.hypothesis))\t\(oneLine(row.reference))"
    }.joined(separator: "\n")
}

/// A text whose control characters are spaces, for a table in a terminal.
private func oneLine(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
}

extension TextMetric {
    /// The score of one segment, 0 to 100.
    func score(of hypothesis: String, against reference: String) -> Double {
        switch self {
        case .bleu: return BLEU(segment: BLEUCounts(hypothesis: hypothesis, reference: reference)).score
        case .chrF, .chrFPlusPlus:
            let orders = self == .chrF ? 0 : 2
            return ChrF(ChrFCounts(hypothesis: hypothesis, reference: reference, wordOrders: orders)).score
        case .rouge1, .rouge2, .rougeL:
            let scores = ROUGE.scores(hypothesis: hypothesis, reference: reference)
            return ROUGE.Kind(rawValue: rawValue).flatMap { scores[$0] }.map { 100 * $0.f1 } ?? 0
        }
    }
}
