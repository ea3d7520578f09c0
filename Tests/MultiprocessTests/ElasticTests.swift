import Testing

extension MultiprocessTests {
    /// The number of ranks changes from one resume to the next.
    @Suite struct ElasticTests {
        /// Runs until asked to stop after `step`, with `ranks` ranks.
        private func train(ranks: Int, until step: Int, _ sets: [String], _ workshop: Workshop) throws {
            let fault = ["DTRAIN_FAULT": "kill step=\(step + 1)"]
            let outcome = workshop.start(Workshop.training(sets), ranks: ranks, environment: fault).finish()
            #expect(outcome.exitCode == 137, "\(outcome.errors)")
        }

        @Test(arguments: ["float32", "float16"])
        func fourTwoOneFour(precision: String) throws {
            let sets = ["precision=\(precision)", "training.checkpoint_every=1"]
            let (whole, workshop) = (try Workshop(), try Workshop())
            #expect(whole.start(Workshop.training(sets), ranks: 2).finish().exitCode == 0)
            try train(ranks: 4, until: 5, sets, workshop)
            try train(ranks: 2, until: 11, sets, workshop)
            try train(ranks: 1, until: 17, sets, workshop)
            #expect(workshop.start(Workshop.training(sets), ranks: 4).finish().exitCode == 0)
            #expect(workshop.digest() == whole.digest())
            #expect(try workshop.losses() == whole.losses())
        }

        /// Numbers of ranks whose sums have the parentheses of the whole: nothing is said of another rounding.
        @Test(arguments: [(4, 3), (8, 7)])
        func numbersOfRanksThatDivideNothing(slots: Int, ranks: Int) throws {
            let workshop = try Workshop()
            let sets = ["batch.slots=\(slots)", "training.steps=6"]
            #expect(workshop.start(Workshop.training(sets, output: "whole"), ranks: 1).finish().exitCode == 0)
            let outcome = workshop.start(Workshop.training(sets), ranks: ranks).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(!outcome.output.contains("rounded otherwise"), "\(outcome.output)")
            #expect(workshop.digest(step: 6) == workshop.digest("whole", step: 6))
            #expect(try workshop.losses() == workshop.losses("whole"))
        }

        /// Three ranks of eight slots: the same samples, other parentheses.
        @Test func anUnevenNumberOfRanks() throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            whole.train(ranks: 2)
            let uneven = workshop.train("training.checkpoint_every=1", ranks: 3)
            #expect(uneven.output.contains("3 ranks: the same samples in the same order"), "\(uneven.output)")
            let (exact, rounded) = (try whole.losses(), try workshop.losses())
            #expect(exact.map(\.step) == rounded.map(\.step))
            // The first loss is of the same weights and samples.
            #expect(exact.first == rounded.first)
            for (a, b) in zip(exact, rounded) {
                #expect(abs(Double(bitPattern: a.bits) - Double(bitPattern: b.bits)) < 1e-4, "step \(a.step)")
            }
        }
    }
}
