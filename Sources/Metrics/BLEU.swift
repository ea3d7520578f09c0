import Glibc

/// What BLEU has to know of a corpus.
///
/// `values` are sacreBLEU's statistics: the tokens of the hypotheses and of the references, then for orders 1 to 4 the
/// matching n-grams, then for orders 1 to 4 all n-grams of the hypotheses.
package struct BLEUCounts: AdditiveCounts {
    /// The longest n-grams that count.
    package static let orders = 4
    package var values: [Int64]

    /// The counts of no segments.
    package init() { values = Array(repeating: 0, count: 2 + 2 * BLEUCounts.orders) }

    /// The counts of one segment, both texts detokenized.
    package init(hypothesis: String, reference: String) {
        let (hypothesis, reference) = (Tokenization13a.tokens(of: hypothesis), Tokenization13a.tokens(of: reference))
        let overlaps = nGramOverlaps(hypothesis, reference, orders: BLEUCounts.orders)
        let counts = [hypothesis.count, reference.count] + overlaps.map(\.matches) + overlaps.map(\.hypothesis)
        values = counts.map(Int64.init)
    }

    /// The tokens of the hypotheses.
    package var hypothesisTokens: Int { Int(values[0]) }
    /// The tokens of the references.
    package var referenceTokens: Int { Int(values[1]) }
    /// For each order, the n-grams of the hypotheses that their references have too.
    package var matches: [Int] { values[2..<2 + BLEUCounts.orders].map { Int($0) } }
    /// For each order, the n-grams of the hypotheses.
    package var totals: [Int] { values[(2 + BLEUCounts.orders)...].map { Int($0) } }
}

/// BLEU of a corpus, as sacreBLEU computes it unless told otherwise: tokenization 13a, 4-grams, one reference, case
/// kept, exponential smoothing.
///
/// - Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", section 2.3; Post
///   2018, arXiv:1804.08771; smoothing: Chen & Cherry 2014, "A Systematic Comparison of Smoothing Techniques for
///   Sentence-Level BLEU", method 3.
package struct BLEU: Equatable, Sendable {
    /// 0 to 100.
    package let score: Double
    /// The smoothed precision of each order, in per cent.
    package let precisions: [Double]
    /// 1 where the hypotheses are at least as long as the references, less where they are shorter.
    package let brevityPenalty: Double

    /// The score of a corpus; 0 where nothing matches.
    package init(_ counts: BLEUCounts) {
        let (hypothesis, reference) = (Double(counts.hypothesisTokens), Double(counts.referenceTokens))
        brevityPenalty = hypothesis >= reference ? 1 : hypothesis > 0 ? exp(1 - reference / hypothesis) : 0
        var precisions = [Double](repeating: 0, count: BLEUCounts.orders)
        if counts.matches.contains(where: { $0 > 0 }) {
            var smoothing = 1.0
            for (index, (matches, total)) in zip(counts.matches, counts.totals).enumerated() where total > 0 {
                if matches == 0 { smoothing *= 2 }
                precisions[index] = 100 * (matches > 0 ? Double(matches) : 1 / smoothing) / Double(total)
            }
        }
        self.precisions = precisions
        // An order without n-grams, in a corpus of the shortest segments, leaves nothing: log 0.
        score = brevityPenalty * exp(precisions.reduce(0) { $0 + log($1) } / Double(BLEUCounts.orders))
    }
}
