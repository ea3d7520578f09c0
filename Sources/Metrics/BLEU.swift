import Glibc

/// The counts from which the BLEU of a corpus is computed.
///
/// `values` are sacreBLEU's statistics: the token counts of the hypotheses and of the references, the numbers of
/// matching n-grams for n = 1 to 4, and the numbers of n-grams in the hypotheses for n = 1 to 4.
package struct BLEUCounts: AdditiveCounts {
    /// The largest n-gram order.
    package static let orders = 4
    package var values: [Int64]

    /// The counts of an empty corpus.
    package init() { values = Array(repeating: 0, count: 2 + 2 * BLEUCounts.orders) }

    /// The counts of one segment; both texts are detokenized.
    package init(hypothesis: String, reference: String) {
        let (hypothesis, reference) = (Tokenization13a.tokens(of: hypothesis), Tokenization13a.tokens(of: reference))
        let overlaps = nGramOverlaps(hypothesis, reference, orders: BLEUCounts.orders)
        let counts = [hypothesis.count, reference.count] + overlaps.map(\.matches) + overlaps.map(\.hypothesis)
        values = counts.map(Int64.init)
    }

    /// The number of tokens in the hypotheses.
    package var hypothesisTokens: Int { Int(values[0]) }
    /// The number of tokens in the references.
    package var referenceTokens: Int { Int(values[1]) }
    /// The number of matching n-grams (clipped by the reference's counts), for each order.
    package var matches: [Int] { values[2..<2 + BLEUCounts.orders].map { Int($0) } }
    /// The number of n-grams in the hypotheses, for each order.
    package var totals: [Int] { values[(2 + BLEUCounts.orders)...].map { Int($0) } }
}

/// The BLEU score of a corpus with sacreBLEU's default settings: tokenization 13a, up to 4-grams, one reference,
/// case-sensitive, exponential smoothing.
///
/// - Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation", section 2.3; Post
///   2018, arXiv:1804.08771; smoothing: Chen & Cherry 2014, "A Systematic Comparison of Smoothing Techniques for
///   Sentence-Level BLEU", method 3.
package struct BLEU: Equatable, Sendable {
    /// 0 to 100.
    package let score: Double
    /// The smoothed n-gram precision of each order, in percent.
    package let precisions: [Double]
    /// The brevity penalty: 1 if the hypotheses have at least as many tokens as the references, otherwise less.
    package let brevityPenalty: Double

    /// The score of a corpus; 0 if no n-gram matches.
    package init(_ counts: BLEUCounts) { self.init(counts, orders: BLEUCounts.orders) }

    /// The score of a single segment: only the orders count of which the hypothesis has an n-gram (sacreBLEU's
    /// `effective_order`).
    package init(segment counts: BLEUCounts) {
        self.init(counts, orders: max(1, counts.totals.prefix { $0 > 0 }.count))
    }

    /// The score from the first `orders` orders.
    private init(_ counts: BLEUCounts, orders: Int) {
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
        // If every hypothesis is too short for some order, its precision is 0, log 0 is −∞, and the score is 0.
        score = brevityPenalty * exp(precisions[..<orders].reduce(0) { $0 + log($1) } / Double(orders))
    }
}
