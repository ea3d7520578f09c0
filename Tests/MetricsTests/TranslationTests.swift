import Files
import TestSupport
import Testing

@testable import Metrics

/// BLEU and chrF against sacreBLEU.
@Suite struct TranslationTests {
    private let file: GoldenFile
    /// The counts are equal, so scores differ only by the rounding of a few logarithms.
    private let tolerance = 1e-12

    init() throws { file = try GoldenFile("translation") }

    @Test func tokenizationMatchesSacreBLEU() throws {
        for golden in try file.cases("lines") {
            let line = try #require(golden["line"]?.stringValue)
            let tokens = Tokenization13a.tokens(of: line).map { Array($0) }
            #expect(try tokens == golden.strings("tokens").map { Array($0.unicodeScalars) }, "\(line.debugDescription)")
        }
    }

    @Test func bleuMatchesSacreBLEU() throws {
        for corpus in try file.cases("corpora") {
            let (name, golden) = (try #require(corpus["name"]?.stringValue), try #require(corpus["bleu"]))
            let counts = try sum(corpus, BLEUCounts()) { BLEUCounts(hypothesis: $0, reference: $1) }
            #expect(try counts.values == golden.integers("statistics").map(Int64.init), "\(name)")
            let bleu = BLEU(counts)
            expectClose(bleu.score, try golden.number("score"), absolute: tolerance, relative: tolerance, name)
            expectClose(bleu.precisions, try golden.numbers("precisions"), relative: tolerance, name)
            expectClose(bleu.brevityPenalty, try golden.number("brevity_penalty"), relative: tolerance, name)
        }
    }

    /// Scores of sentences, by sacreBLEU with `effective_order`.
    @Test(arguments: [
        ("A dog runs .", "A dog is running.", 27.534765745159184), ("Yes", "Yes", 100), ("no", "yes", 0),
        ("two dogs", "two dogs run", 60.653065971263366), ("a b c d e f", "a b c x e f", 37.99178428257963),
    ])
    func segmentsMatchSacreBLEU(hypothesis: String, reference: String, score: Double) {
        let bleu = BLEU(segment: BLEUCounts(hypothesis: hypothesis, reference: reference))
        expectClose(bleu.score, score, absolute: tolerance, relative: tolerance)
    }

    @Test(arguments: [(0, "chrf"), (2, "chrf++")])
    func chrFMatchesSacreBLEU(wordOrders: Int, key: String) throws {
        for corpus in try file.cases("corpora") {
            let (name, golden) = (try #require(corpus["name"]?.stringValue), try #require(corpus[key]))
            let counts = try sum(corpus, ChrFCounts(wordOrders: wordOrders)) {
                ChrFCounts(hypothesis: $0, reference: $1, wordOrders: wordOrders)
            }
            #expect(try counts.values == golden.integers("statistics").map(Int64.init), "\(name)")
            expectClose(
                ChrF(counts).score, try golden.number("score"), absolute: tolerance, relative: tolerance, name)
        }
    }

    /// An empty corpus has score 0.
    @Test func emptyCorpusHasScoreZero() {
        #expect(BLEU(BLEUCounts()).score == 0)
        #expect(ChrF(ChrFCounts()).score == 0)
    }

    /// Sums the counts of all segments of a corpus.
    private func sum<Counts: AdditiveCounts>(
        _ corpus: JSON, _ none: Counts, _ count: (String, String) -> Counts
    ) throws -> Counts {
        let (hypotheses, references) = (try corpus.strings("hypotheses"), try corpus.strings("references"))
        try #require(hypotheses.count == references.count)
        return zip(hypotheses, references).reduce(into: none) { $0 += count($1.0, $1.1) }
    }
}
