import Checkpoints
import Testing

@testable import Training

@Suite struct LossTrendTests {
    /// Losses that scatter by about 0.1 around a falling line.
    private static func loss(_ step: Int) -> Double {
        3 - 0.002 * Double(step) + 0.1 * Double((step * 37) % 11 - 5) / 3.2
    }

    private func isSpike(_ judgement: LossTrend.Judgement) -> Bool {
        if case .spike = judgement { true } else { false }
    }

    @Test func onlyALossThatJumpsIsASpike() {
        var trend = LossTrend(limit: 6)
        for step in 0..<300 {
            let isJump = step == 20 || step == 150 || step == 290
            let judgement = trend.judge(LossTrendTests.loss(step) + (isJump ? 2 : 0))
            // The first fifty steps are not judged.
            #expect(isSpike(judgement) == (isJump && step > 50), "step \(step): \(judgement)")
        }
    }

    @Test func meanAndVarianceOfTheFirstStepsAreExact() {
        var trend = LossTrend(limit: 6)
        for value in [1.0, 2, 3, 4] { _ = trend.judge(value) }
        #expect(abs(trend.state.mean - 2.5) < 1e-12 && abs(trend.state.variance - 1.25) < 1e-12)
    }

    /// However far the losses have risen, and however they scattered before, they are not skipped for ever.
    @Test(arguments: [0.5, 1.5, 6, 1000], [0.0, 0.1, 1e6])
    func aLevelThatHasRisenForGoodIsAccepted(limit: Double, rise: Double) {
        for scatter in [0.0, 1] {
            var trend = LossTrend(limit: limit)
            for step in 0..<200 { _ = trend.judge(3 + scatter * (LossTrendTests.loss(step) - LossTrendTests.loss(0))) }
            let judgements = (0..<200).map { step in
                trend.judge(3 + rise + scatter * (LossTrendTests.loss(step) - LossTrendTests.loss(0)))
            }
            // A loss at the new level's own scatter may be a spike again at a small limit.
            let lastHalf = judgements[100...].filter(isSpike).count
            #expect(lastHalf <= 50, "\(lastHalf) of the last 100 at \(scatter)")
            let first = judgements.firstIndex { !isSpike($0) } ?? 200
            #expect(first < LossTrend.patience, "\(first) spikes in a row")
        }
    }

    /// Where most losses are high and some are not, no spikes in a row are needed: the mean follows.
    @Test func theMeanFollowsLossesThatAreMostlyHigh() {
        var trend = LossTrend(limit: 3)
        for step in 0..<100 { _ = trend.judge(LossTrendTests.loss(step)) }
        let judgements = (0..<400).map { step in
            trend.judge(LossTrendTests.loss(100) + (step % 4 == 0 ? 0 : 5) + LossTrendTests.loss(step) / 100)
        }
        #expect(isSpike(judgements[1]))
        #expect(!judgements.contains(.newLevel))
        #expect(!judgements[200...].contains(where: isSpike))
    }

    @Test func aRestoredTrendJudgesAlike() {
        var whole = LossTrend(limit: 2)
        for step in 0..<200 { _ = whole.judge(LossTrendTests.loss(step)) }
        // In the midst of spikes in a row as well.
        for step in 200..<280 {
            let loss = LossTrendTests.loss(step) * (step < 240 ? 40 : 1.1)
            var restored = LossTrend(limit: 2, restored: whole.state)
            #expect(whole.judge(loss) == restored.judge(loss))
            #expect(whole.state == restored.state)
        }
    }
}
