import Checkpoints
import Testing

@testable import Training

@Suite struct LossTrendTests {
    /// Losses that scatter by about 0.1 around a falling line.
    private static func loss(_ step: Int) -> Double {
        3 - 0.002 * Double(step) + 0.1 * Double((step * 37) % 11 - 5) / 3.2
    }

    @Test func onlyWhatJumpsOutOfTheRowIsASpike() {
        var trend = LossTrend(limit: 6)
        for step in 0..<300 {
            let isJump = step == 20 || step == 150 || step == 290
            let spike = trend.spike(LossTrendTests.loss(step) + (isJump ? 2 : 0))
            // The first fifty steps are not judged.
            #expect((spike != nil) == (isJump && step > 50), "step \(step): \(spike ?? 0)")
        }
        #expect(trend.state.count == 298)
    }

    @Test func meanAndVarianceOfTheFirstStepsAreExact() {
        var trend = LossTrend(limit: 6)
        for value in [1.0, 2, 3, 4] { _ = trend.spike(value) }
        #expect(abs(trend.state.mean - 2.5) < 1e-12 && abs(trend.state.variance - 1.25) < 1e-12)
    }

    @Test func aRestoredTrendJudgesAlike() {
        var whole = LossTrend(limit: 2)
        for step in 0..<200 { _ = whole.spike(LossTrendTests.loss(step)) }
        var restored = LossTrend(limit: 2, restored: whole.state)
        for step in 200..<260 {
            #expect(whole.spike(LossTrendTests.loss(step) * 1.1) == restored.spike(LossTrendTests.loss(step) * 1.1))
        }
        #expect(whole.state == restored.state)
    }
}
