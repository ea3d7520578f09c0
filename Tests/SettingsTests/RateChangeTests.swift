import Testing

@testable import Settings

@Suite struct RateChangeTests {
    private func configuration(_ sets: String...) throws -> Configuration {
        let base = ["schedule.peak=1e-3", "schedule.floor=1e-4", "schedule.warmup_steps=10", "training.steps=100"]
        return try Configuration.load(file: nil, sets: base + sets)
    }

    /// If a finished run is given more steps, its learning rate rises again, which is reported.
    @Test func reportsRiseOfExtendedRun() throws {
        let finished = try configuration("schedule.kind=linear")
        // At step 100, 91 of the 190 decay steps are done.
        let prolonged = try configuration("schedule.kind=linear", "training.steps=200")
        #expect(
            prolonged.rateChange(from: finished, at: 100)
                == "the learning rate goes from 1.00e-04 at step 100 to 5.69e-04 at step 101")
    }

    @Test func reportsChangeOfSchedule() throws {
        let constant = try configuration("schedule.kind=constant")
        let cosine = try configuration()
        #expect(
            try configuration("schedule.kind=constant", "training.steps=200").rateChange(from: constant, at: 100) == nil
        )
        #expect(
            cosine.rateChange(from: constant, at: 99)
                == "the learning rate goes from 1.00e-03 at step 99 to 1.00e-04 at step 100")
        let lower = try configuration("schedule.peak=5e-4")
        #expect(
            lower.rateChange(from: cosine, at: 5)
                == "the learning rate goes from 5.00e-04 at step 5 to 3.00e-04 at step 6")
    }

    @Test func unchangedScheduleReportsNothing() throws {
        let cosine = try configuration()
        #expect(cosine.rateChange(from: cosine, at: 50) == nil)
        #expect(try configuration("model.dropout=0.1").rateChange(from: cosine, at: 50) == nil)
        #expect(cosine.rateChange(from: cosine, at: 100) == nil)
        #expect(try configuration("training.steps=200").rateChange(from: cosine, at: 0) == nil)
    }
}
