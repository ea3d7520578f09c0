import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// Faults that DTRAIN_FAULT injects, and their consequences.
    @Suite struct FaultTests {
        /// Executes a training run with `ranks` ranks and a fault.
        private func run(
            _ fault: String, _ workshop: Workshop, _ sets: [String] = []
        ) -> Job.Outcome {
            workshop.start(Workshop.training(sets), ranks: 2, environment: ["DTRAIN_FAULT": fault]).finish()
        }

        @Test(arguments: [("kill", 137), ("trap", 132)] as [(String, Int32)])
        func deadRankEndsTheJob(action: String, code: Int32) throws {
            let workshop = try Workshop()
            let outcome = run("\(action) rank=1 step=13 phase=backward", workshop)
            #expect(outcome.exitCode == code, "\(outcome.errors)")
            #expect(outcome.leftBehind.isEmpty)
            #expect(try workshop.losses().last?.step == 12)
            #expect(!FileSystem.exists(workshop.directory.file("run/outcome.json")))
        }

        /// A stopped process does not respond; only the ranks that wait for it can report it.
        @Test(arguments: [("stop", 1), ("stop", 0), ("hang", 1)])
        func stalledRankEndsTheJob(action: String, rank: Int) throws {
            let workshop = try Workshop()
            let outcome = run(
                "\(action) rank=\(rank) step=13 phase=forward", workshop, ["training.stall_timeout_seconds=4"])
            #expect(outcome.exitCode == 77, "\(outcome.errors)")
            #expect(outcome.messages.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains("rank \(rank): in step 13, forward, process "), "\(outcome.errors)")
            if action == "stop" {
                #expect(outcome.errors.contains("is stopped by a signal"))
            } else {
                // A process that hangs but still responds prints its stack trace.
                #expect(outcome.errors.contains(" is at:\n") && outcome.errors.contains("libc.so"), "\(outcome.errors)")
            }
            #expect(outcome.leftBehind.isEmpty)
            let resumed = workshop.train(ranks: 2)
            #expect(resumed.output.contains("resumed from run/checkpoints/step-00000010"))
        }

        /// A flipped bit in the state that a rank owns, or in the weights that it computes with, ends the run, and
        /// nothing is saved.
        @Test(arguments: ["shared_memory", "allreduce"], ["float32", "float16"])
        func detectsFlippedBit(strategy: String, precision: String) throws {
            let workshop = try Workshop()
            for (tensor, bit) in [("token_embedding.weight", 3), ("final_normalization.shift", 11)] {
                let sets = [
                    "averaging.strategy=\(strategy)", "precision=\(precision)", "training.verify_every=1",
                    "run.directory=\(tensor)",
                ]
                let words = ["--config", "tiny.yaml"] + sets.flatMap { ["--set", $0] }
                let fault = "flip rank=1 step=13 phase=forward tensor=\(tensor) bit=\(bit)"
                let outcome = workshop.start(words, ranks: 2, environment: ["DTRAIN_FAULT": fault]).finish()
                #expect(outcome.exitCode == 76, "\(outcome.errors)")
                #expect(outcome.messages.count == 1, "\(outcome.errors)")
                #expect(
                    outcome.errors.contains("step 13: the ") && outcome.errors.contains(tensor), "\(outcome.errors)")
                #expect(outcome.errors.contains("rank "))
                #expect(workshop.names("\(tensor)/checkpoints") == ["step-00000005", "step-00000008", "step-00000010"])
            }
        }

        /// A weight of one replica becomes infinite between two comparisons: the report is of corrupted memory, not of
        /// divergence.
        @Test(arguments: [("float32", 30), ("float16", 14)])
        func detectsFlippedBitThatBreaksTheLoss(precision: String, bit: Int) throws {
            let workshop = try Workshop()
            let tensor = "final_normalization.scale"
            let outcome = run(
                "flip rank=1 step=13 phase=forward tensor=\(tensor) bit=\(bit)", workshop,
                ["averaging.strategy=allreduce", "precision=\(precision)", "training.verify_every=20"])
            #expect(outcome.exitCode == 76, "\(outcome.errors)")
            #expect(outcome.messages.count == 1 && outcome.errors.contains(tensor), "\(outcome.errors)")
            #expect(outcome.errors.contains("rank 1"), "\(outcome.errors)")
        }

        @Test(arguments: [
            ("shared_memory", "float32"), ("allreduce", "float32"), ("allreduce", "float16"),
            ("shared_memory", "bfloat16"),
        ])
        func allRanksSkipNaNOfOneRank(strategy: String, precision: String) throws {
            let workshop = try Workshop()
            var digests: Set<String> = []
            for (ranks, rank) in [(1, 0), (2, 1), (4, 3)] {
                let output = "run-\(ranks)"
                let sets = ["averaging.strategy=\(strategy)", "precision=\(precision)", "training.verify_every=1"]
                let outcome = workshop.start(
                    Workshop.training(sets, output: output), ranks: ranks,
                    environment: ["DTRAIN_FAULT": "nan rank=\(rank) step=7"]
                ).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("step 7: skipped, the gradient of "), "\(outcome.output)")
                digests.insert(workshop.digest(output))
            }
            #expect(digests.count == 1)
        }

        /// After a stop request in any phase, including before the first step, the run saves and ends, and resumes with
        /// identical results.
        @Test func stopRequestWorksInEveryPhase() throws {
            let whole = try Workshop()
            whole.train()
            let digest = whole.digest()
            let places = [
                "step=0", "step=8 phase=data", "step=8 phase=forward", "step=8 phase=backward",
                "step=8 phase=averaging",
                "step=8 phase=update", "step=8 phase=weights", "step=8 phase=evaluation", "step=10 phase=checkpoint",
                "step=24 phase=evaluation",
            ]
            for (index, place) in places.enumerated() {
                let workshop = try Workshop()
                let outcome = run("request rank=\(index % 2) \(place)", workshop)
                #expect(outcome.exitCode == 75, "\(place): \(outcome.errors)")
                let step = try #require(try workshop.losses().last?.step)
                #expect(outcome.output.contains("asked to stop: saved at step \(step)."), "\(place): \(outcome.output)")
                #expect(FileSystem.exists(workshop.directory.file(Workshop.checkpoint(step))))
                let marker = try FileSystem.contents(of: workshop.directory.file("run/outcome.json"))
                #expect(
                    String(decoding: marker, as: UTF8.self)
                        == #"{"outcome":"stopped","exit_code":75,"step":\#(step)}"# + "\n")
                workshop.train()
                #expect(workshop.digest() == digest, "\(place)")
                #expect(try workshop.losses() == whole.losses(), "\(place)")
                let evaluated = try workshop.metrics().filter { $0["validation_loss"] != nil }
                #expect(evaluated.compactMap { $0["step"]?.integerValue } == [8, 16, 24], "\(place)")
            }
        }

        /// A single failed call during a save or a write to the log is reported; training continues and loses nothing.
        @Test(arguments: ["write", "sync", "rename"])
        func failedCallLosesNothing(call: String) throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            whole.train()
            let outcome = run("fail step=10 phase=checkpoint call=\(call) number=2 error=ENOSPC", workshop)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)")
            #expect(workshop.digest() == whole.digest())
            #expect(try workshop.losses() == whole.losses())
        }

        /// Without memory for the copy of a checkpoint, training waits while it is written. Without memory for other
        /// arrays, the run ends with one message.
        @Test func reportsMissingMemory() throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            whole.train()
            let outcome = run("fail step=5 phase=checkpoint call=allocate", workshop)
            #expect(
                outcome.exitCode == 0 && outcome.errors.contains("not enough memory for a copy of the checkpoint"),
                "\(outcome.errors)")
            #expect(workshop.digest() == whole.digest())
            let refused = run("fail rank=1 step=0 call=allocate", try Workshop())
            #expect(
                refused.exitCode == 70 && refused.errors.contains("not enough memory for another "), "\(refused.errors)"
            )
            #expect(refused.messages.count == 1 && refused.leftBehind.isEmpty, "\(refused.errors)")
        }

        @Test func faultHappensOnce() throws {
            let workshop = try Workshop()
            let fault = "kill rank=0 step=8 once=\(workshop.directory.file("mark"))"
            #expect(run(fault, workshop).exitCode == 137)
            #expect(run(fault, workshop).exitCode == 0)
        }

        @Test(arguments: [
            ("explode", "found the first word: explode; allowed: kill, stop, request"),
            ("kill step", "found step; allowed: KEY="),
            ("kill step=-1", "a whole number from 0"), ("kill phase=x", "found phase: x; allowed: step, data"),
            ("flip tensor=token_embeding.weight", "did you mean token_embedding.weight?"),
            ("kill color=red", "rank, step"),
        ])
        func rejectsInvalidFaults(fault: String, words: String) throws {
            let workshop = try Workshop()
            expectRefusal(run(fault, workshop), 64, "DTRAIN_FAULT", words)
        }
    }
}
