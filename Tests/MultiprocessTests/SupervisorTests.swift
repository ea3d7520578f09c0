import Glibc
import Testing

extension MultiprocessTests {
    /// Runs under `launch/supervise`.
    @Suite struct SupervisorTests {
        private static let script: String = {
            let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            return "/\(package)/launch/supervise"
        }()

        /// Long enough to interrupt it at a given step.
        private let longer = ["training.steps=60"]

        /// Starts a training run with two ranks under the supervisor.
        private func supervise(_ workshop: Workshop, _ sets: [String], output: String = "run") -> Job {
            Job([Self.script, "-n", "2"] + Workshop.training(sets, output: output), in: workshop.directory.path)
        }

        /// Expects the same results as those of an uninterrupted run.
        private func expectWhole(_ workshop: Workshop) throws {
            workshop.train("training.steps=60", output: "whole")
            #expect(workshop.digest(step: 60) == workshop.digest("whole", step: 60))
            #expect(try workshop.losses() == workshop.losses("whole"))
        }

        /// The process to kill, and the supervisor's message about it.
        enum Victim: String, CaseIterable {
            case rank = "rank 1 on "
            case launcher = "mpirun was ended by SIGKILL"
        }

        @Test(arguments: Victim.allCases)
        func restartsAfterKill(victim: Victim) throws {
            let workshop = try Workshop()
            let job = supervise(workshop, longer)
            try #require(workshop.wait(forStep: 13))
            kill(try #require(victim == .rank ? job.process(ofRank: 1) : job.launcher()), SIGKILL)
            let outcome = job.finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.leftBehind.isEmpty)
            let told = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("launch/supervise: ") }
            #expect(told.count == 1, "\(outcome.errors)")
            for words in [victim.rawValue, "SIGKILL", "It resumes from step ", "after a pause of 1 s (restart 1 of 5 "]
            {
                #expect(told.first?.contains(words) == true, "\(outcome.errors)")
            }
            #expect(outcome.output.contains("resumed from run/checkpoints/step-000000"), "\(outcome.output)")
            try expectWhole(workshop)
        }

        @Test(arguments: [SIGTERM, SIGUSR1])
        func stopSignalSavesAndStops(signal: Int32) throws {
            let workshop = try Workshop()
            let job = supervise(workshop, longer)
            try #require(workshop.wait(forStep: 13))
            job.send(signal)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            #expect(outcome.messages.isEmpty && outcome.leftBehind.isEmpty, "\(outcome.errors)")
            let step = try #require(try workshop.losses().last?.step)
            #expect(workshop.names("run/checkpoints").contains { $0.hasSuffix("\(step)") } && step < 60)
            #expect(supervise(workshop, longer).finish().exitCode == 0)
            try expectWhole(workshop)
        }

        @Test func killedSupervisorLeavesNoProcesses() throws {
            let workshop = try Workshop()
            let job = supervise(workshop, ["training.steps=1000000"])
            try #require(workshop.wait(forStep: 3))
            job.send(SIGKILL)
            let outcome = job.finish(graceSeconds: 10)
            #expect(outcome.exitCode == 137)
            #expect(outcome.leftBehind.isEmpty)
        }

        /// Errors that a restart cannot fix are reported once: invalid options before any start, and invalid data.
        @Test func permanentErrorsAreNotRetried() throws {
            let workshop = try Workshop()
            expectRefusal(supervise(workshop, ["model.width=33"]).finish(), 64, "model.width")
            #expect(workshop.names("run").isEmpty)
            let job = supervise(workshop, ["data.directory=nowhere"])
            let outcome = job.finish()
            #expect(outcome.exitCode == 65, "\(outcome.errors)")
            #expect(outcome.errors.contains("It is not restarted"), "\(outcome.errors)")
        }
    }
}
