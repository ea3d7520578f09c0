import Testing

extension MultiprocessTests {
    /// Runs that resume with another number of ranks.
    @Suite struct ElasticTests {
        /// Trains with `ranks` ranks until a stop is requested after `step`.
        private func train(ranks: Int, until step: Int, _ sets: [String], _ workshop: Workshop) throws {
            let fault = ["DTRAIN_FAULT": "kill step=\(step + 1)"]
            let outcome = workshop.start(Workshop.training(sets), ranks: ranks, environment: fault).finish()
            #expect(outcome.exitCode == 137, "\(outcome.errors)")
        }

        @Test(arguments: ["float32", "float16", "bfloat16"])
        func ranksMayChangeAtEveryResume(precision: String) throws {
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

        /// With these numbers of ranks the summation tree is that of one rank, so no message about rounding is printed.
        @Test(arguments: [(4, 3), (8, 7)])
        func rankCountsWithTheTreeOfOneRankAreBitIdentical(slots: Int, ranks: Int) throws {
            let workshop = try Workshop()
            let sets = ["batch.slots=\(slots)", "training.steps=6"]
            #expect(workshop.start(Workshop.training(sets, output: "whole"), ranks: 1).finish().exitCode == 0)
            let outcome = workshop.start(Workshop.training(sets), ranks: ranks).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(!outcome.output.contains("rounded differently"), "\(outcome.output)")
            #expect(workshop.digest(step: 6) == workshop.digest("whole", step: 6))
            #expect(try workshop.losses() == workshop.losses("whole"))
        }

        /// With three ranks and eight micro-batches: the same samples, summed in another order.
        @Test func unevenRanksRoundDifferently() throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            whole.train(ranks: 2)
            let uneven = workshop.train("training.checkpoint_every=1", ranks: 3)
            #expect(uneven.output.contains("3 ranks: the same samples in the same order"), "\(uneven.output)")
            let (exact, rounded) = (try whole.losses(), try workshop.losses())
            #expect(exact.map(\.step) == rounded.map(\.step))
            // The first loss is computed from the same weights and samples.
            #expect(exact.first == rounded.first)
            for (a, b) in zip(exact, rounded) {
                #expect(abs(Double(bitPattern: a.bits) - Double(bitPattern: b.bits)) < 1e-4, "step \(a.step)")
            }
        }
    }
}
