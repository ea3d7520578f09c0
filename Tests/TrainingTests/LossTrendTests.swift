import Testing

@testable import Training

@Suite struct LossTrendTests {
    /// Losses that vary by about 0.1 around a falling line.
    private static func loss(_ step: Int) -> Double {
        3 - 0.002 * Double(step) + 0.1 * Double((step * 37) % 11 - 5) / 3.2
    }

    private func isSpike(_ judgement: LossTrend.Judgement) -> Bool {
        if case .spike = judgement { true } else { false }
    }

    @Test func onlyJumpsAreSpikes() {
        var trend = LossTrend(limit: 6)
        for step in 0..<300 {
            let isJump = step == 20 || step == 150 || step == 290
            let judgement = trend.judge(LossTrendTests.loss(step) + (isJump ? 2 : 0))
            // The first fifty steps are never spikes.
            #expect(isSpike(judgement) == (isJump && step > 50), "step \(step): \(judgement)")
        }
    }

    @Test func firstMeanAndVarianceAreExact() {
        var trend = LossTrend(limit: 6)
        for value in [1.0, 2, 3, 4] { _ = trend.judge(value) }
        #expect(abs(trend.state.mean - 2.5) < 1e-12 && abs(trend.state.variance - 1.25) < 1e-12)
    }

    /// However much the losses have risen, and however much they varied before, they are not skipped forever.
    @Test(arguments: [0.5, 1.5, 6, 1000], [0.0, 0.1, 1e6])
    func persistentlyHigherLossIsAccepted(limit: Double, rise: Double) {
        for scatter in [0.0, 1] {
            var trend = LossTrend(limit: limit)
            for step in 0..<200 { _ = trend.judge(3 + scatter * (LossTrendTests.loss(step) - LossTrendTests.loss(0))) }
            let judgements = (0..<200).map { step in
                trend.judge(3 + rise + scatter * (LossTrendTests.loss(step) - LossTrendTests.loss(0)))
            }
            // With a small limit, the usual variation at the new level may still exceed it.
            let lastHalf = judgements[100...].filter(isSpike).count
            #expect(lastHalf <= 50, "\(lastHalf) of the last 100 at \(scatter)")
            let first = judgements.firstIndex { !isSpike($0) } ?? 200
            #expect(first < LossTrend.patience, "\(first) spikes in a row")
        }
    }

    /// If most losses are high and some are not, there is no long run of spikes, but the mean adapts.
    @Test func meanAdaptsToMostlyHighLosses() {
        var trend = LossTrend(limit: 3)
        for step in 0..<100 { _ = trend.judge(LossTrendTests.loss(step)) }
        let judgements = (0..<400).map { step in
            trend.judge(LossTrendTests.loss(100) + (step % 4 == 0 ? 0 : 5) + LossTrendTests.loss(step) / 100)
        }
        #expect(isSpike(judgements[1]))
        #expect(!judgements.contains(.newLevel))
        #expect(!judgements[200...].contains(where: isSpike))
    }

    @Test func restoredTrendGivesSameJudgements() {
        var whole = LossTrend(limit: 2)
        for step in 0..<200 { _ = whole.judge(LossTrendTests.loss(step)) }
        // Also within a run of spikes.
        for step in 200..<280 {
            let loss = LossTrendTests.loss(step) * (step < 240 ? 40 : 1.1)
            var restored = LossTrend(limit: 2, restored: whole.state)
            #expect(whole.judge(loss) == restored.judge(loss))
            #expect(whole.state == restored.state)
        }
    }
}
