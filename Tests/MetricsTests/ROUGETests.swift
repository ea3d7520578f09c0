import Files
import TestSupport
import Testing

@testable import Metrics

/// ROUGE against rouge-score.
@Suite struct ROUGETests {
    private let file: GoldenFile

    init() throws { file = try GoldenFile("rouge") }

    @Test func wordsMatchRougeScore() throws {
        for golden in try file.cases("lines") {
            let line = try #require(golden["line"]?.stringValue)
            let words = ROUGE.words(of: line).map { String(decoding: $0, as: UTF8.self) }
            #expect(try words == golden.strings("words"), "\(line.debugDescription)")
        }
    }

    @Test(arguments: ROUGE.Kind.allCases) func scoresMatchRougeScore(kind: ROUGE.Kind) throws {
        for golden in try file.cases("pairs") {
            let (hypothesis, reference) = (golden["hypothesis"]?.stringValue, golden["reference"]?.stringValue)
            let scores = try ROUGE.scores(hypothesis: #require(hypothesis), reference: #require(reference))
            let score = try #require(scores[kind])
            // The same divisions of the same integers.
            expectClose(
                [score.precision, score.recall, score.f1], try golden.numbers(kind.rawValue), absolute: 1e-15,
                relative: 1e-15, hypothesis ?? "")
        }
    }

    /// The score of a corpus is the mean over its lines in percent.
    @Test func corpusScoreIsTheMeanOverLines() {
        var scores = CorpusROUGE()
        #expect(scores[.words].f1 == 0)
        scores.add(hypothesis: "a b", reference: "A, b!")
        scores.add(hypothesis: "c", reference: "d")
        #expect(scores[.words].f1 == 50)
        #expect(scores[.subsequence].recall == 50)
        #expect(scores.lines == 2)
    }
}
