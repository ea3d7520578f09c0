import Testing

@testable import Averaging

@Suite struct StepOrderTests {
    @Test func acceptsCallsInOrder() {
        var order = StepOrder(sections: 2, ranges: 2)
        order.publishFromFirstRank()
        for updates in [true, false, true, true] {
            order.sectionIsFinal(1)
            order.sectionIsFinal(0)
            order.finish()
            // A skipped step updates nothing.
            if !updates { continue }
            order.rangeIsUpdated(0)
            order.rangeIsUpdated(1)
            order.requireWeights()
            order.publish()
        }
        // Weights may be replaced between steps.
        order.rangeIsUpdated(0)
        order.rangeIsUpdated(1)
        order.publish()
        order.publishFromFirstRank()
    }

    @Test func endsTheProcessIfASectionIsLeftOut() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 3, ranges: 1)
            order.sectionIsFinal(2)
            order.sectionIsFinal(0)
        }
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 3, ranges: 1)
            order.sectionIsFinal(1)
        }
    }

    @Test func endsTheProcessIfAStepFinishesEarly() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 2, ranges: 1)
            order.sectionIsFinal(1)
            order.finish()
        }
    }

    @Test func endsTheProcessIfWeightsChangeDuringABackwardPass() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 2, ranges: 1)
            order.sectionIsFinal(1)
            order.rangeIsUpdated(0)
        }
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 1, ranges: 1)
            order.sectionIsFinal(0)
            order.publishFromFirstRank()
        }
    }

    @Test func endsTheProcessIfAStepBeginsBeforeAllRangesArePublished() async {
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 1, ranges: 2)
            order.rangeIsUpdated(0)
            order.publish()
        }
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 1, ranges: 1)
            order.rangeIsUpdated(0)
            order.sectionIsFinal(0)
        }
        await #expect(processExitsWith: .exitCode(70)) {
            var order = StepOrder(sections: 1, ranges: 2)
            order.rangeIsUpdated(0)
            order.requireWeights()
        }
    }
}
