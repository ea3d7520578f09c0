import Glibc
import Testing

extension MultiprocessTests {
    /// Other optimizers, parameter groups, frozen parameters, averaged weights and early stopping keep all guarantees.
    @Suite struct OptimizationTests {
        private func sets(_ kind: String, _ precision: String) -> [String] {
            [
                "optimizer.kind=\(kind)", "precision=\(precision)", "optimizer.l1=1e-4", "optimizer.l2=1e-3",
                "optimizer.freeze=[\"position_*\", \"*.shift\"]", "training.ema_decay=0.8", "schedule.kind=noam",
                "schedule.peak=0.05", "schedule.floor=0",
                "optimizer.groups=[{names: \"blocks.0.*\", learning_rate_scale: 0.5}, {names: \"*.bias\", l2: 0.01}]",
            ]
        }

        @Test(arguments: [("rmsprop", "float32"), ("sgd", "float16")])
        func digestDoesNotDependOnRanksOrStrategy(kind: String, precision: String) throws {
            let workshop = try Workshop()
            for ranks in [1, 2, 4] {
                for strategy in ["shared_memory", "allreduce"] {
                    let output = "\(strategy)-\(ranks)"
                    let sets = sets(kind, precision) + ["averaging.strategy=\(strategy)"]
                    let outcome = workshop.start(Workshop.training(sets, output: output), ranks: ranks).finish()
                    #expect(outcome.exitCode == 0, "\(outcome.errors)")
                    #expect(workshop.digest(output) == workshop.digest("shared_memory-1"), "\(output)")
                    #expect(try evaluated(workshop, output) == evaluated(workshop, "shared_memory-1"))
                }
            }
        }

        private func evaluated(_ workshop: Workshop, _ output: String = "run") throws -> [Double] {
            try workshop.metrics(output).compactMap { $0["validation_loss"]?.doubleValue }
        }

        /// A run is killed and resumed with another number of ranks; evaluation uses averaged weights by default.
        @Test func killedRunResumesIdentically() throws {
            let (whole, workshop) = (try Workshop(), try Workshop())
            let words = Workshop.training(sets("momentum", "float32") + ["training.steps=60"])
            #expect(whole.start(words).finish().exitCode == 0)
            let job = workshop.start(words, ranks: 4)
            try #require(workshop.wait(forStep: 13))
            kill(try #require(job.process(ofRank: 3)), SIGKILL)
            _ = job.finish()
            #expect(workshop.start(words, ranks: 2).finish().exitCode == 0)
            #expect(workshop.digest(step: 60) == whole.digest(step: 60))
            #expect(try evaluated(workshop) == evaluated(whole))

            func loss(_ words: String...) -> String {
                whole.start(["evaluate", "--checkpoint", Workshop.checkpoint(60)] + words).finish().output
            }
            let logged = try #require(evaluated(whole).last)
            #expect(loss().hasPrefix("validation loss \(Double(Int((logged * 10000).rounded())) / 10000)"))
            #expect(loss("--weights", "average") == loss())
            #expect(loss("--weights", "last") != loss())
            // A run without averaged weights has none to evaluate, and does not start averaging when it resumes.
            let plain = whole.start(Workshop.training(["training.steps=5"], output: "plain")).finish()
            #expect(plain.exitCode == 0)
            expectRefusal(
                whole.start([
                    "evaluate", "--checkpoint", Workshop.checkpoint(5, output: "plain"), "--weights", "average",
                ])
                .finish(), 64, "holds no averaged weights", "--weights last")
            expectRefusal(
                whole.start(Workshop.training(["training.ema_decay=0.5", "training.steps=5"], output: "plain"))
                    .finish(),
                64, "has other tensors", "training.ema_decay is 0.5, but 0.0 in the checkpoint")
        }

        /// A run does not resume in another precision; a new run starts from its weights where the user asks for it.
        @Test func otherPrecisionStartsANewRun() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5")
            let other = ["precision=bfloat16", "training.steps=5"]
            expectRefusal(
                workshop.start(Workshop.training(other)).finish(), 64, "precision is bfloat16, but float32",
                "--set fine_tuning.from=\(Workshop.checkpoint(5)), and another --output")
            workshop.train(
                "precision=bfloat16", "training.steps=5", "fine_tuning.from=\(Workshop.checkpoint(5))", output: "other")
        }

        @Test func rejectsPatternsWithoutMatch() throws {
            let workshop = try Workshop()
            expectRefusal(
                workshop.start(Workshop.training(["optimizer.freeze=blocks.2.*"]), ranks: 2).finish(), 64,
                "optimizer.freeze: no parameter matches blocks.2.*; the nearest: blocks.")
            #expect(workshop.names("run").isEmpty)
        }

        /// At this learning rate the loss soon rises. A run that was killed stops at the same step, and remains
        /// stopped.
        @Test func earlyStopping() throws {
            let rising = [
                "training.steps=200", "training.evaluate_every=2", "training.checkpoint_every=3", "training.patience=3",
                "schedule.peak=3", "schedule.floor=0", "optimizer.clip_norm=0", "schedule.kind=constant",
                "schedule.warmup_steps=40",
            ]
            let (whole, workshop) = (try Workshop(), try Workshop())
            let outcome = whole.start(Workshop.training(rising), ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let losses = try evaluated(whole)
            let last = 2 * losses.count
            #expect(last < 200 && outcome.output.contains("stopped early at step \(last): validation loss has not"))
            // The best evaluation was three before the end, and its checkpoint is kept.
            let best = try #require(losses.min())
            #expect(losses.dropLast(3).last == best && losses.suffix(3).allSatisfy { $0 >= best })
            #expect(whole.names("run/checkpoints").contains(String(Workshop.checkpoint(last - 6).suffix(13))))

            let again = whole.start(Workshop.training(rising), ranks: 1).finish()
            #expect(again.exitCode == 0 && again.output.contains("the run has stopped early at step \(last)"))
            #expect(try whole.losses().last?.step == last)

            let job = workshop.start(Workshop.training(rising), ranks: 2)
            try #require(workshop.wait(forStep: last - 3))
            kill(try #require(job.process(ofRank: 1)), SIGKILL)
            _ = job.finish()
            #expect(workshop.start(Workshop.training(rising), ranks: 1).finish().exitCode == 0)
            #expect(try evaluated(workshop) == losses)
            #expect(workshop.digest(step: last) == whole.digest(step: last))

            // With more patience, the run continues.
            let patient = Workshop.training(rising + ["training.patience=4"])
            #expect(whole.start(patient).finish().output.contains("step \(last + 2): validation loss"))
        }
    }
}
