import Optimizers
import Testing

@Suite struct LossScalerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// One character per step: c is clean, o overflows.
        let steps: String
        var start = 1024.0
        let scale: Double
        let cleanSteps: Int
        let hysteresisLeft: Int
    }

    /// The scale doubles after 3 clean steps, is halved by the second overflow, and is at least 1.
    static let cases = [
        Case(testDescription: "start", steps: "", scale: 1024, cleanSteps: 0, hysteresisLeft: 2),
        Case(testDescription: "almost grown", steps: "cc", scale: 1024, cleanSteps: 2, hysteresisLeft: 2),
        Case(testDescription: "grown", steps: "ccc", scale: 2048, cleanSteps: 0, hysteresisLeft: 2),
        Case(testDescription: "grown twice", steps: "cccccc", scale: 4096, cleanSteps: 0, hysteresisLeft: 2),
        Case(
            testDescription: "first overflow does not halve", steps: "o", scale: 1024, cleanSteps: 0, hysteresisLeft: 1),
        Case(testDescription: "halved", steps: "oo", scale: 512, cleanSteps: 0, hysteresisLeft: 0),
        Case(
            testDescription: "halved by the second, clean between", steps: "oco", scale: 512, cleanSteps: 0,
            hysteresisLeft: 0),
        Case(
            testDescription: "every further overflow halves", steps: "oooo", scale: 128, cleanSteps: 0,
            hysteresisLeft: 0),
        Case(
            testDescription: "an overflow resets the count", steps: "ccocc", scale: 1024, cleanSteps: 2,
            hysteresisLeft: 1),
        Case(
            testDescription: "growth resets the hysteresis", steps: "occco", scale: 2048, cleanSteps: 0,
            hysteresisLeft: 1),
        Case(testDescription: "down and up", steps: "ooccc", scale: 1024, cleanSteps: 0, hysteresisLeft: 2),
        Case(
            testDescription: "ceiling", steps: "cccccccc", start: 8192, scale: 16384, cleanSteps: 2, hysteresisLeft: 2),
        Case(
            testDescription: "growth at the ceiling resets the hysteresis", steps: "occc", start: 16384, scale: 16384,
            cleanSteps: 0, hysteresisLeft: 2),
        Case(testDescription: "floor", steps: "ooooo", start: 2, scale: 1, cleanSteps: 0, hysteresisLeft: 0),
    ]

    private let settings = LossScaler.Settings(growthInterval: 3, hysteresis: 2, floor: 1, ceiling: 16384)

    @Test(arguments: cases)
    func updatesTheScale(table: Case) {
        var scaler = LossScaler(scale: table.start, settings)
        for step in table.steps { scaler.update(overflowed: step == "o") }
        #expect(scaler.scale == table.scale)
        #expect(scaler.cleanSteps == table.cleanSteps)
        #expect(scaler.hysteresisLeft == table.hysteresisLeft)
    }

    /// The state of a checkpoint is clamped to the current bounds, so that the number of overflows to the floor stays
    /// bounded.
    @Test func clampsRestoredState() {
        #expect(LossScaler(scale: 0x1p40, settings).scale == 16384)
        #expect(LossScaler(scale: 0.5, settings).scale == 1)
        #expect(LossScaler(scale: 2, hysteresisLeft: 1 << 40, settings).hysteresisLeft == 2)
        var scaler = LossScaler(scale: 0x1p40, hysteresisLeft: 1 << 40, settings)
        for step in 0..<15 {
            #expect(!scaler.isAtFloor, "after \(step) overflows")
            scaler.update(overflowed: true)
        }
        #expect(scaler.isAtFloor)
    }

    /// A scaler restored from its three saved values behaves like the original.
    @Test(arguments: cases)
    func restoredScalerContinues(table: Case) {
        var one = LossScaler(scale: table.start, settings)
        for step in table.steps { one.update(overflowed: step == "o") }
        var other = LossScaler(
            scale: one.scale, cleanSteps: one.cleanSteps, hysteresisLeft: one.hysteresisLeft, settings)
        for step in "coccco" {
            one.update(overflowed: step == "o")
            other.update(overflowed: step == "o")
            #expect(one == other)
        }
    }
}
