import EventFiles
import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// A run that is interrupted at any moment resumes with identical results.
    @Suite struct InterruptionTests {
        /// Long enough to interrupt it at a given step.
        private let longer = "training.steps=60"

        /// An uninterrupted run for comparison.
        private static let whole = Result {
            let workshop = try Workshop()
            workshop.train("training.steps=60")
            return (digest: workshop.digest(step: 60), losses: try workshop.losses())
        }

        /// Expects the digest of the uninterrupted run, and each step once with an identical loss.
        private func expectWhole(_ workshop: Workshop) throws {
            let whole = try InterruptionTests.whole.get()
            #expect(workshop.digest(step: 60) == whole.digest)
            let losses = try workshop.losses()
            #expect(losses.map(\.step) == Array(1...60))
            #expect(losses == whole.losses)
            let evaluated = try workshop.metrics().filter { $0["validation_loss"] != nil }
            #expect(evaluated.compactMap { $0["step"]?.integerValue } == [8, 16, 24, 32, 40, 48, 56, 60])
            try expectEventsOfMetrics(workshop)
        }

        /// Expects the event files to have the numbers of `metrics.jsonl`, in the same order.
        private func expectEventsOfMetrics(_ workshop: Workshop) throws {
            var events: [String] = []
            for path in try EventLog.files(in: workshop.directory.file("run/tensorboard")) {
                var reader = try EventReader(path)
                while let event = try reader.next() {
                    guard case .summaries(let summaries) = event.content else { continue }
                    events += summaries.filter { $0.tag.contains("/") }.map { "\(event.step) \($0)" }
                }
            }
            let lines = try workshop.metrics().flatMap { line in
                Summary.scalars(of: line).map { "\(line["step"]!.integerValue!) \($0)" }
            }
            #expect(events == lines)
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
        func killedRunResumesIdentically(rank: Int, ranksAfterwards: Int) throws {
            let workshop = try Workshop()
            try killRank(rank, of: 4, after: 13, workshop)
            let resumed = workshop.train(longer, ranks: ranksAfterwards)
            #expect(resumed.output.contains("resumed from run/checkpoints/step-000000"))
            try expectWhole(workshop)
        }

        @Test func survivesTwoKills() throws {
            let workshop = try Workshop()
            try killRank(1, of: 2, after: 7, workshop)
            try killRank(0, of: 2, after: 22, workshop)
            workshop.train(longer)
            try expectWhole(workshop)
        }

        /// Whether an evaluation is the best determines whether all ranks save, so ranks that did not read the
        /// checkpoint must know the previous best loss. At this learning rate the loss sometimes rises.
        @Test func allRanksKnowTheBestLoss() throws {
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

        @Test func survivesKillBeforeFirstCheckpoint() throws {
            let workshop = try Workshop()
            try killRank(1, of: 2, after: 1, workshop)
            workshop.train(longer, ranks: 2)
            try expectWhole(workshop)
        }

        @Test(arguments: [(4, SIGUSR1), (nil, SIGTERM), (nil, SIGUSR1), (nil, SIGINT)] as [(Int?, Int32)])
        func stopSignalSavesAndStops(ranks: Int?, signal: Int32) throws {
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

        /// If the signal arrives while MPI is being initialized, the run stops after its first step.
        @Test func stopSignalDuringStartIsHandled() throws {
            let workshop = try Workshop()
            let job = workshop.start(Workshop.training(), ranks: 2)
            // The first line of the program installs the handlers; no program can handle earlier signals.
            let areListening = Job.poll(seconds: 120) {
                [0, 1].allSatisfy { rank in job.process(ofRank: rank).map { Job.catches(SIGUSR1, $0) } ?? false }
            }
            try #require(areListening)
            job.send(SIGUSR1)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            #expect(workshop.names("run/checkpoints").count == 1)
        }

        /// If `mpirun` itself is killed, its ranks end.
        @Test func killedLauncherLeavesNoProcesses() throws {
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
