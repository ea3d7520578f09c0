import Testing

extension MultiprocessTests {
    /// Loss spikes. With this limit, a batch that is a little harder than others is a spike.
    @Suite struct SpikeTests {
        private func sets(_ action: String) -> [String] {
            [
                "training.steps=120", "training.spike_zscore=1.5", "training.spike_action=\(action)",
                "schedule.peak=1e-7",
                "schedule.floor=1e-7", "training.evaluate_every=60",
            ]
        }

        /// Spikes are detected identically for any number of ranks, and after any kill.
        @Test func skippedStepsDoNotDependOnRanks() throws {
            let whole = try Workshop()
            let outcome = whole.start(Workshop.training(sets("skip"))).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains(": skipped, the loss, "), "no spike at all")
            #expect(outcome.output.contains("because of a spike"), "the summary does not count them")
            #expect(!outcome.output.contains("overflow"), "a spike is none")
            let lines = try whole.metrics("run").filter { $0["loss"] != nil }
            let spikes = lines.filter { $0["skipped"]?.stringValue == "spike" }
            #expect(!spikes.isEmpty && spikes.allSatisfy { $0["gradient_norm"] == .null })
            #expect(lines.last?["skipped_steps"]?.integerValue == spikes.count)
            let workshop = try Workshop()
            let killed = workshop.start(
                Workshop.training(sets("skip")), ranks: 4, environment: ["DTRAIN_FAULT": "kill step=83"])
            #expect(killed.finish().exitCode == 137)
            #expect(workshop.start(Workshop.training(sets("skip")), ranks: 2).finish().exitCode == 0)
            #expect(workshop.digest(step: 120) == whole.digest(step: 120))
            #expect(try workshop.losses() == whole.losses())
        }

        /// A run that rolls back logs no step twice, and finishes. Checkpoints are frequent and the threshold is
        /// higher, so that with every seed spikes occur, but hardly ever four in a row after the same checkpoint.
        @Test func rollbackSkipsTheSamples() throws {
            let rarer = ["training.spike_zscore=1.8", "training.checkpoint_every=2"]
            func sets(_ action: String) -> [String] { self.sets(action) + rarer }
            let (whole, workshop) = (try Workshop(), try Workshop())
            let outcome = whole.start(Workshop.training(sets("back")), ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("; rolled back to the checkpoint of step "), "no spike at all")
            #expect(try whole.losses().map(\.step) == Array(1...120))
            let returns = try whole.metrics("run").compactMap { $0["returns"]?.integerValue }
            #expect(returns == returns.sorted() && !returns.isEmpty, "\(returns)")
            let killed = workshop.start(
                Workshop.training(sets("back")), ranks: 1, environment: ["DTRAIN_FAULT": "kill step=113"])
            #expect(killed.finish().exitCode == 137)
            #expect(workshop.start(Workshop.training(sets("back")), ranks: 4).finish().exitCode == 0)
            #expect(workshop.digest(step: 120) == whole.digest(step: 120))
            #expect(try workshop.losses() == whole.losses())
        }

        @Test func stopReportsTheReason() throws {
            let workshop = try Workshop()
            expectRefusal(
                workshop.start(Workshop.training(sets("stop")), ranks: 2).finish(), 70, "all ranks: the loss, ",
                "standard deviations above its mean", "The last checkpoint is untouched")
        }
    }
}
