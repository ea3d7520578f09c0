import Glibc
import Optimizers
import TestSupport
import Testing

@Suite struct ScheduleTests {
    /// Returns a schedule of 100 steps, 10 of them warm-up, with peak 1 and floor 0.1.
    private func schedule(_ kind: ScheduleConfiguration.Kind, warmup: Int = 10, decay: Int = 0) -> Schedule {
        var configuration = ScheduleConfiguration()
        configuration.kind = kind
        configuration.peak = 1
        configuration.floor = 0.1
        configuration.warmupSteps = warmup
        configuration.decaySteps = decay
        return Schedule(configuration, steps: 100, width: 1)
    }

    @Test(arguments: ScheduleConfiguration.Kind.allCases.filter { ![.oneCycle, .noam].contains($0) })
    func everyKindWarmsUpLinearly(kind: ScheduleConfiguration.Kind) {
        let schedule = schedule(kind, decay: kind == .warmupStableDecay ? 20 : 0)
        for step in 0..<10 { expectClose(schedule.learningRate(at: step), Double(step + 1) / 10, relative: 1e-15) }
    }

    typealias Points = [(step: Int, rate: Double)]

    /// Learning rates in the first step after warm-up, in the middle, and in the last step.
    static let closedForms: [(kind: ScheduleConfiguration.Kind, points: Points)] = [
        (.constant, [(10, 1), (54, 1), (99, 1)] as Points),
        (.linear, [(10, 0.99), (54, 0.55), (99, 0.1)] as Points),
        (.cosine, [(10, 0.55 + 0.45 * cos(Double.pi / 90)), (39, 0.775), (54, 0.55), (99, 0.1)] as Points),
        (.inverseSquareRoot, [(10, 0.9534625892455924), (39, 0.5), (99, 0.31622776601683794)] as Points),
        (.warmupStableDecay, [(10, 1), (79, 1), (80, 0.955), (89, 0.55), (99, 0.1)] as Points),
    ]

    @Test(arguments: closedForms)
    func equalsTheClosedForm(kind: ScheduleConfiguration.Kind, points: Points) {
        let schedule = schedule(kind, decay: kind == .warmupStableDecay ? 20 : 0)
        for point in points {
            expectClose(schedule.learningRate(at: point.step), point.rate, absolute: 1e-14, "step \(point.step)")
        }
    }

    /// Steps beyond the end, as after an extension of the run.
    @Test(arguments: [ScheduleConfiguration.Kind.linear, .cosine, .warmupStableDecay])
    func staysAtTheFloor(kind: ScheduleConfiguration.Kind) {
        let schedule = schedule(kind, decay: kind == .warmupStableDecay ? 20 : 0)
        for step in [100, 1000] { expectClose(schedule.learningRate(at: step), 0.1, absolute: 1e-14) }
    }

    @Test(arguments: [ScheduleConfiguration.Kind.linear, .cosine, .warmupStableDecay, .inverseSquareRoot])
    func neverRisesAfterTheWarmup(kind: ScheduleConfiguration.Kind) {
        let schedule = schedule(kind, decay: kind == .warmupStableDecay ? 20 : 0)
        let rates = (9..<120).map { schedule.learningRate(at: $0) }
        #expect(rates[0] == 1 && zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(rates.allSatisfy { $0 >= 0.1 - 1e-15 })
    }

    @Test func worksWithoutWarmup() {
        expectClose(schedule(.linear, warmup: 0).learningRate(at: 0), 1 - 0.9 / 100, relative: 1e-15)
        #expect(schedule(.constant, warmup: 0).learningRate(at: 0) == 1)
        #expect(schedule(.inverseSquareRoot, warmup: 0).learningRate(at: 0) == 1)
        #expect(schedule(.inverseSquareRoot, warmup: 0).learningRate(at: 3) == 0.5)
        // The inverse square root does not fall below the floor.
        #expect(schedule(.inverseSquareRoot, warmup: 0).learningRate(at: 999) == 0.1)
    }

    /// If warm-up is as long as the run, no steps are left for the decay.
    @Test func worksWithWarmupOnly() {
        let schedule = schedule(.cosine, warmup: 100)
        #expect(schedule.learningRate(at: 99) == 1)
        #expect(schedule.learningRate(at: 100) == 0.1)
    }
}
