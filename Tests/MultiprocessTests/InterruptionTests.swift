import Glibc
import Testing

extension MultiprocessTests {
    /// A run that is ended at any moment continues as if nothing had happened.
    @Suite struct InterruptionTests {
        /// Long enough for a step to be hit.
        private let longer = "training.steps=60"

        /// The run that nobody interrupts.
        private static let whole = Result {
            let workshop = try Workshop()
            workshop.train("training.steps=60")
            return (digest: workshop.digest(step: 60), losses: try workshop.losses())
        }

        /// What a run has to show in the end: the uninterrupted run's digest, and each step once, with its bits.
        private func expectWhole(_ workshop: Workshop) throws {
            let whole = try InterruptionTests.whole.get()
            #expect(workshop.digest(step: 60) == whole.digest)
            let losses = try workshop.losses()
            #expect(losses.map(\.step) == Array(1...60))
            #expect(losses == whole.losses)
            let evaluated = try workshop.metrics().filter { $0["validation_loss"] != nil }
            #expect(evaluated.compactMap { $0["step"]?.integerValue } == [8, 16, 24, 32, 40, 48, 56, 60])
        }

        /// Starts a run and kills one of its ranks soon after `step`.
        private func killRank(_ rank: Int, of ranks: Int, after step: Int, _ workshop: Workshop) throws {
            let job = workshop.start(Workshop.training([longer]), ranks: ranks)
            try #require(workshop.wait(forStep: step))
            kill(try #require(job.process(ofRank: rank)), SIGKILL)
            let outcome = job.finish()
            #expect(outcome.exitCode == 137, "\(outcome.errors)")
            #expect(outcome.leftBehind.isEmpty)
            #expect(!workshop.names("run/checkpoints").contains("step-00000060"))
        }

        @Test(arguments: [(0, 4), (3, 2), (1, 1)])
        func aKilledRankCostsNothing(rank: Int, ranksAfterwards: Int) throws {
            let workshop = try Workshop()
            try killRank(rank, of: 4, after: 13, workshop)
            let resumed = workshop.train(longer, ranks: ranksAfterwards)
            #expect(resumed.output.contains("resumed from run/checkpoints/step-000000"))
            try expectWhole(workshop)
        }

        @Test func twoKillsInARow() throws {
            let workshop = try Workshop()
            try killRank(1, of: 2, after: 7, workshop)
            try killRank(0, of: 2, after: 22, workshop)
            workshop.train(longer)
            try expectWhole(workshop)
        }

        /// Whether an evaluation was the best decides whether all ranks save: also those that did not read the
        /// checkpoint must know the best loss before it. At this rate the loss rises from time to time.
        @Test func theBestLossIsKnownToAllRanks() throws {
            let rising =
                ["training.steps=40", "training.evaluate_every=1", "training.checkpoint_every=10"]
                + ["schedule.peak=0.3", "schedule.floor=0.3", "optimizer.clip_norm=0"]
            let (whole, workshop) = (try Workshop(), try Workshop())
            #expect(whole.start(Workshop.training(rising), ranks: 2).finish().exitCode == 0)
            let job = workshop.start(Workshop.training(rising), ranks: 2)
            try #require(workshop.wait(forStep: 21))
            kill(try #require(job.process(ofRank: 1)), SIGKILL)
            _ = job.finish()
            #expect(workshop.start(Workshop.training(rising), ranks: 2).finish().exitCode == 0)
            let evaluated = try whole.metrics().compactMap { $0["validation_loss"]?.doubleValue }
            #expect(evaluated.count == 40 && evaluated != evaluated.sorted(by: >), "the loss never rises")
            #expect(workshop.digest(step: 40) == whole.digest(step: 40))
        }

        @Test func aKillBeforeTheFirstCheckpoint() throws {
            let workshop = try Workshop()
            try killRank(1, of: 2, after: 1, workshop)
            workshop.train(longer, ranks: 2)
            try expectWhole(workshop)
        }

        @Test(arguments: [(4, SIGUSR1), (nil, SIGTERM), (nil, SIGUSR1), (nil, SIGINT)] as [(Int?, Int32)])
        func askedToStop(ranks: Int?, signal: Int32) throws {
            let workshop = try Workshop()
            let job = workshop.start(Workshop.training([longer]), ranks: ranks)
            try #require(workshop.wait(forStep: 13))
            job.send(signal)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            #expect(outcome.messages.isEmpty)
            let step = try #require(try workshop.losses().last?.step)
            #expect(step < 60)
            #expect(outcome.output.contains("asked to stop: saved at step \(step)."))
            #expect(workshop.digest(step: step).count == 32)

            let resumed = workshop.train(longer, ranks: ranks)
            #expect(resumed.output.contains("resumed from \(Workshop.checkpoint(step)) at step \(step)"))
            try expectWhole(workshop)
        }

        /// The signal comes while MPI is still starting: the run stops after its first step.
        @Test func askedToStopAtOnce() throws {
            let workshop = try Workshop()
            let job = workshop.start(Workshop.training(), ranks: 2)
            // The first line of the program; before it, no program could help.
            let areListening = Job.poll(seconds: 20) {
                [0, 1].allSatisfy { rank in job.process(ofRank: rank).map { Job.catches(SIGUSR1, $0) } ?? false }
            }
            try #require(areListening)
            job.send(SIGUSR1)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            #expect(workshop.names("run/checkpoints").count == 1)
        }

        /// `mpirun` itself is killed: the ranks do not go on without it.
        @Test func aKilledLauncherLeavesNobody() throws {
            let workshop = try Workshop()
            let job = workshop.start(Workshop.training(["training.steps=100000"]), ranks: 2)
            try #require(workshop.wait(forStep: 3))
            job.send(SIGKILL)
            let outcome = job.finish()
            #expect(outcome.exitCode == 137)
            #expect(outcome.leftBehind.isEmpty)
        }
    }
}
