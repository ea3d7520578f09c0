import Glibc
import Testing

extension MultiprocessTests {
    /// The results of a run do not depend on the number of threads, and compute threads receive no signals.
    @Suite struct ThreadTests {
        /// Sizes at which every kernel is divided among threads.
        fileprivate static let sets = [
            "data.context_length=128", "model.width=96", "batch.slots=2", "training.steps=6",
            "training.evaluate_every=3",
        ]

        private func train(
            _ workshop: Workshop, _ sets: [String], ranks: Int? = nil, output: String = "run"
        ) -> Job.Outcome {
            let words = Workshop.training(ThreadTests.sets + sets, output: output)
            let outcome = workshop.start(words, ranks: ranks).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.leftBehind.isEmpty)
            return outcome
        }

        @Test(arguments: ["float32", "float16", "bfloat16"])
        func digestDoesNotDependOnThreads(precision: String) throws {
            let workshop = try Workshop()
            let setting = "precision=\(precision)"
            let outcome = train(workshop, [setting, "threads=1"])
            #expect(outcome.output.contains("1 rank × 1 thread, "))
            let (digest, losses) = (workshop.digest(step: 6), try workshop.losses())
            let combinations = [(1, 3), (2, 2)] + (precision == "float32" ? [(1, 2), (1, 5), (2, 1), (2, 3)] : [])
            for (ranks, threads) in combinations {
                let output = "\(ranks)-\(threads)"
                let outcome = train(workshop, [setting, "threads=\(threads)"], ranks: ranks, output: output)
                #expect(outcome.output.contains("\(ranks == 1 ? "1 rank" : "2 ranks") × \(threads) thread"))
                #expect(workshop.digest(output, step: 6) == digest, "\(output)")
                #expect(try workshop.losses(output) == losses, "\(output)")
            }
        }

        /// Only the main thread receives the stop signal; the run resumes with another number of threads.
        @Test(arguments: [nil, 2])
        func stopSignalReachesMainThread(ranks: Int?) throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            let longer = ["training.steps=40", "schedule.warmup_steps=4"]
            _ = train(whole, longer + ["threads=1"])
            let words = Workshop.training(ThreadTests.sets + longer + ["threads=3"])
            let job = workshop.start(words, ranks: ranks)
            try #require(workshop.wait(forStep: 5))
            job.send(SIGUSR1)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            let step = try #require(try workshop.losses().last?.step)
            #expect(step < 40)
            let resumed = train(workshop, longer + ["threads=2"])
            #expect(resumed.output.contains("resumed from \(Workshop.checkpoint(step)) at step \(step)"))
            #expect(workshop.digest(step: 40) == whole.digest(step: 40))
        }

        @Test func warnsOfMoreThreadsThanCores() throws {
            let workshop = try Workshop()
            let outcome = train(workshop, ["threads=200"], ranks: 2)
            #expect(outcome.messages.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("dtrain: threads: 200 per rank, 2 ranks, on "), "\(outcome.errors)")
        }

        @Test func rejectsInvalidThreadCounts() throws {
            let workshop = try Workshop()
            for threads in ["0", "-1", "1025", "many"] {
                expectRefusal(
                    workshop.start(Workshop.training(["threads=\(threads)"]), ranks: 2).finish(), 64,
                    "threads: found \(threads); allowed: auto, or a whole number from 1 to 1024")
                for command in ["evaluate", "generate"] {
                    expectRefusal(
                        workshop.dtrain(command, "--checkpoint", "none", "--threads", threads), 64,
                        "--threads: found \(threads); allowed: auto, or a whole number from 1 to 1024.")
                }
            }
        }
    }

    /// Ranks that are bound to cores. The jobs run one at a time, because all would be bound to the same cores. Other
    /// tests have bound jobs, too.
    @Suite(.serialized) struct BindingTests {
        private static let neighbour = "of another dtrain job"

        @Test(.enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) >= 2))
        func warnsOfBindingToOneCore() throws {
            let workshop = try Workshop()
            let job = workshop.start(
                Workshop.training(ThreadTests.sets + ["threads=2"]), ranks: 1,
                environment: ["OMPI_MCA_hwloc_base_binding_policy": "core"])
            let outcome = job.finish()
            #expect(outcome.exitCode == 0)
            let messages = outcome.messages.filter { !$0.contains(BindingTests.neighbour) }
            #expect(messages.count == 1, "\(outcome.errors)")
            #expect(
                messages.allSatisfy { $0.contains("threads: 2, but this rank is bound to 1 of ") }, "\(outcome.errors)")
        }

        /// The number of cores to which mpirun can bind ranks.
        private static let cores: Int = {
            let repository = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            return Int(Job(["/\(repository)/launch/cores"], in: "/").finish().output.dropLast()) ?? 0
        }()

        /// mpirun binds the first rank of each job to the same core: the second job warns once and then trains. A
        /// job that is not bound does not warn.
        @Test(.enabled(if: cores >= 2))
        func warnsOfTwoJobsOnOneCore() throws {
            let workshop = try Workshop()
            func start(_ output: String, _ binding: String, _ sets: [String] = []) -> Job {
                workshop.start(
                    Workshop.training(sets, output: output), ranks: 1,
                    environment: ["OMPI_MCA_hwloc_base_binding_policy": binding])
            }
            let first = start("first", "core", ["training.steps=10000000"])
            try #require(workshop.wait(forStep: 1, output: "first"))
            let second = start("second", "core").finish()
            #expect(second.exitCode == 0, "\(second.errors)")
            #expect(second.messages.count == 1, "\(second.errors)")
            #expect(second.errors.contains(BindingTests.neighbour), "\(second.errors)")
            #expect(second.errors.contains("--bind-to none"))
            let third = start("third", "none").finish()
            #expect(third.exitCode == 0 && third.messages.isEmpty, "\(third.errors)")
            first.send(SIGUSR1)
            let stopped = first.finish()
            #expect(stopped.exitCode == 75, "\(stopped.errors)")
            #expect(stopped.messages.allSatisfy { $0.contains(BindingTests.neighbour) }, "\(stopped.errors)")
        }
    }
}
