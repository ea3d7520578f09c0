import Glibc
import TestSupport
import Testing

@testable import Metrics

struct TokenScoresTests {
    /// A uniform distribution over 256 bytes has 8 bits per byte.
    @Test func uniformPredictionHasEightBitsPerByte() {
        var counts = TokenCounts(targets: 60, correct: 1, bytes: 60)
        counts += TokenCounts(targets: 40, correct: 4, bytes: 40)
        let scores = TokenScores(lossSum: 100 * log(256), counts)
        expectClose(scores.nats, log(256), relative: 1e-15)
        expectClose(scores.perplexity, 256, relative: 1e-13)
        expectClose(scores.bitsPerByte ?? .nan, 8, relative: 1e-15)
        #expect(scores.accuracy == 0.05)
    }

    /// Bits per byte spreads the loss of a token over its bytes; without byte counts the score is nil.
    @Test func bitsPerByteNeedsByteCounts() {
        let scores = TokenScores(lossSum: 10 * log(16), TokenCounts(targets: 10, correct: 10, bytes: 20))
        expectClose(scores.bitsPerByte ?? .nan, 2, relative: 1e-15)
        #expect(scores.accuracy == 1)
        #expect(TokenScores(lossSum: 10, TokenCounts(targets: 10, correct: 0)).bitsPerByte == nil)
    }

    @Test func scoresWithoutTargetsAreNaN() {
        let scores = TokenScores(lossSum: 0, TokenCounts())
        #expect(scores.nats.isNaN && scores.perplexity.isNaN && scores.accuracy.isNaN)
    }
}
