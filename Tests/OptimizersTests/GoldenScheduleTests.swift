import Files
import Optimizers
import TestSupport
import Testing

/// The learning rate of every step against PyTorch's schedulers.
@Suite struct GoldenScheduleTests {
    @Test func learningRatesEqualPyTorch() throws {
        let golden = try GoldenFile.part("schedules")
        let cases = try #require(golden["cases"]?.arrayValue)
        #expect(cases.count >= 8)
        for golden in cases { try check(golden) }
    }

    private func check(_ golden: JSON) throws {
        let shared = try GoldenFile.part("schedules")
        let steps = try #require(shared["steps"]?.integerValue)
        let first = try #require(golden["first"]?.integerValue)
        let settings = try #require(golden["settings"])
        var configuration = ScheduleConfiguration()
        configuration.kind = try #require(golden["kind"]?.stringValue.flatMap(ScheduleConfiguration.Kind.init))
        configuration.peak = try #require(shared["peak"]?.doubleValue)
        configuration.warmupSteps = try #require(shared["warmup_steps"]?.integerValue)
        configuration.floor = settings["floor"]?.doubleValue ?? 0
        configuration.power = settings["power"]?.doubleValue ?? 1
        configuration.gamma = settings["gamma"]?.doubleValue ?? 0.1
        configuration.stepSize = settings["step_size"]?.integerValue ?? 0
        configuration.milestones = settings["milestones"]?.arrayValue?.compactMap(\.integerValue) ?? []
        configuration.divFactor = settings["div_factor"]?.doubleValue ?? 25
        let schedule = Schedule(configuration, steps: steps, width: 64)
        let rates = (first..<steps).map { schedule.learningRate(at: $0) }
        // PyTorch computes some learning rates recursively.
        expectClose(rates, try #require(golden["rates"]).numbers, absolute: 1e-14, relative: 1e-12, "\(golden.line)")
    }
}
