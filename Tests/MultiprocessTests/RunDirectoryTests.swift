import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// The contents of a run directory, and how the next start uses them.
    @Suite struct RunDirectoryTests {
        private func step(_ names: [String]) -> [Int] { names.compactMap { Int($0.dropFirst("step-".count)) } }

        /// Flips one bit in the middle of a file.
        private func damage(_ path: String) throws {
            var bytes = try FileSystem.contents(of: path)
            bytes[bytes.count / 2] ^= 1
            let file = try File(path, .create)
            try file.write(bytes)
        }

        @Test func newestAndBestAreKept() throws {
            let workshop = try Workshop()
            workshop.train("training.keep_last=2", "training.keep_best=0")
            #expect(step(workshop.names("run/checkpoints")) == [20, 24])

            // A learning rate that ruins the model after warm-up: the best checkpoint is an early one.
            workshop.train(
                "training.keep_last=1", "training.keep_best=1", "training.evaluate_every=5", "schedule.kind=constant",
                "schedule.peak=10", "schedule.floor=0", "schedule.warmup_steps=24", "optimizer.clip_norm=0",
                output: "ruined")
            let losses = try workshop.metrics("ruined").compactMap { line in
                line["validation_loss"]?.doubleValue.map { (step: line["step"]?.integerValue ?? 0, loss: $0) }
            }
            let best = try #require(losses.min { $0.loss < $1.loss })
            #expect(best.step < 24)
            #expect(step(workshop.names("ruined/checkpoints")) == [best.step, 24])
        }

        @Test func listsVerifiesAndDigestsCheckpoints() throws {
            let workshop = try Workshop()
            workshop.train(ranks: 2)
            let list = workshop.dtrain("checkpoint", "list", "run")
            #expect(list.exitCode == 0)
            #expect(list.output.split(separator: "\n").count == 3)
            #expect(list.output.contains("run/checkpoints/step-00000024  step 24  validation loss "))
            let newest = Workshop.checkpoint(24)
            let verified = workshop.dtrain("checkpoint", "verify", newest)
            #expect(verified.output == "\(newest): valid, step 24, digest \(workshop.digest())\n")

            try damage(workshop.directory.file(newest + "/model.safetensors"))
            for action in ["verify", "digest"] {
                expectRefusal(
                    workshop.dtrain("checkpoint", action, newest), 65, "\(newest)/model.safetensors", "XXH3-128")
            }
            expectRefusal(workshop.dtrain("checkpoint", "list", "data"), 65, "data: holds no checkpoints")
            expectRefusal(workshop.dtrain("checkpoint", "remove", "run"), 64, "found remove", "list, verify, digest")
            expectRefusal(workshop.dtrain("checkpoint", "verify", "data"), 65, "data: holds no manifest.json")
            for action in ["list", "verify", "digest", "parameters"] {
                expectRefusal(workshop.dtrain("checkpoint", action, "nowhere"), 65, "nowhere: there is no such")
            }
            let table = workshop.dtrain("checkpoint", "parameters", Workshop.checkpoint(20)).output
            #expect(table.contains("blocks.1.attention.projection.weight"), "\(table)")
            #expect(table.contains("28 tensors"))
            let shown = workshop.start(
                Workshop.training(["optimizer.freeze=[\"blocks.0.*\"]"]) + ["--show", "parameters"]
            ).finish()
            let frozen = shown.output.split(separator: "\n").filter { $0.hasSuffix("frozen") }
            #expect(frozen.count == 12 && frozen.allSatisfy { $0.hasPrefix("blocks.0.") }, "\(shown.output)")
        }

        /// With keep_last 1, the damaged checkpoint must not cause the removal of newer ones.
        @Test func skipsDamagedCheckpoint() throws {
            let workshop = try Workshop()
            workshop.train()
            let digest = workshop.digest()
            try damage(workshop.directory.file(Workshop.checkpoint(24) + "/optimizer-adamw.safetensors"))
            expectRefusal(
                workshop.dtrain("checkpoint", "verify", "run"), 65, "step-00000024/optimizer-adamw.safetensors")
            let again = workshop.train("training.keep_last=1", "training.checkpoint_every=1", ranks: 2)
            #expect(again.output.contains("step-00000024/optimizer-adamw.safetensors: its XXH3-128"))
            #expect(again.output.contains("Falling back to step-00000020."))
            #expect(again.output.contains("resumed from run/checkpoints/step-00000020 at step 20"))
            #expect(workshop.digest() == digest)
            #expect(workshop.names("run/previous-1/checkpoints") == ["step-00000024"])
            #expect(try workshop.losses().map(\.step) == Array(1...24))
        }

        @Test func failsWithoutValidCheckpoint() throws {
            let workshop = try Workshop()
            workshop.train()
            for name in workshop.names("run/checkpoints") {
                try damage(workshop.directory.file("run/checkpoints/\(name)/model.safetensors"))
            }
            let before = try workshop.metrics().count
            expectRefusal(
                workshop.start(Workshop.training(), ranks: 2).finish(), 65, "none of its checkpoints is valid",
                "--resume none", "step-00000020/model.safetensors")
            #expect(try workshop.metrics().count == before)
        }

        @Test func errorForOtherConfigurationListsThreeOptions() throws {
            let workshop = try Workshop()
            workshop.train()
            let digest = workshop.digest()
            let other = Workshop.training(["training.steps=30", "schedule.peak=1e-3"])
            let refused = workshop.start(other, ranks: 2).finish()
            expectRefusal(
                refused, 64, "training.steps is 30, but 24 in the checkpoint",
                "schedule.peak is 0.001, but 0.002 in the checkpoint", "--resume run/checkpoints/step-00000024",
                "--resume none", "another --output")
            #expect(workshop.digest() == digest)

            // Each of the three options works as described.
            let onwards = workshop.start(other + ["--resume", "run/checkpoints/step-00000024"]).finish()
            #expect(onwards.exitCode == 0, "\(onwards.errors)")
            #expect(onwards.output.contains("training.steps is 30, but 24 in the checkpoint"))
            // With more steps, the learning rate rises from its minimum to a value within the decay.
            #expect(onwards.output.contains("the learning rate goes from 2.00e-04 at step 24 to "), "\(onwards.output)")
            #expect(try workshop.losses().map(\.step) == Array(1...30))
            #expect(workshop.start(Workshop.training(output: "elsewhere")).finish().exitCode == 0)
            #expect(workshop.digest("elsewhere") == digest)
            let anew = workshop.start(Workshop.training() + ["--resume", "none"]).finish()
            #expect(anew.output.contains("now in run/previous-1."), "\(anew.output)\(anew.errors)")
            #expect(workshop.digest() == digest)
            #expect(workshop.names("run/previous-1") == ["checkpoints", "config.yaml", "metrics.jsonl", "tensorboard"])
            #expect(step(workshop.names("run/previous-1/checkpoints")).max() == 30)
        }

        @Test func resumeFromOlderStepMovesLaterCheckpoints() throws {
            let workshop = try Workshop()
            workshop.train()
            let digest = workshop.digest()
            let words = Workshop.training() + ["--resume", Workshop.checkpoint(20)]
            let outcome = workshop.start(words, ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("now in run/previous-1."))
            #expect(step(workshop.names("run/previous-1/checkpoints")) == [24])
            #expect(workshop.digest() == digest)
            #expect(try workshop.losses().map(\.step) == Array(1...24))
        }

        /// The watched metric marks the best checkpoint: in the list, in RUN/best and in the summary.
        @Test func marksTheBestCheckpoint() throws {
            let workshop = try Workshop()
            // A learning rate that ruins the model after warm-up, so that an early checkpoint is the best.
            let outcome = workshop.train(
                "training.metric=validation_accuracy", "training.evaluate_every=5", "schedule.kind=constant",
                "schedule.peak=10", "schedule.floor=0", "schedule.warmup_steps=24", "optimizer.clip_norm=0", ranks: 2)
            let values = try workshop.metrics().compactMap { line in
                line["validation_accuracy"]?.doubleValue.map { (step: line["step"]?.integerValue ?? 0, value: $0) }
            }
            let highest = try #require(values.map(\.value).max())
            let list = try JSON(
                parsing: Array(workshop.dtrain("checkpoint", "list", "run", "--json").output.utf8), source: "list")
            let best = try #require(list["best"]?.stringValue)
            #expect(list["metric"]?.stringValue == "validation_accuracy")
            let marker = try FileSystem.contents(of: workshop.directory.file("run/best"))
            #expect("run/" + String(decoding: marker, as: UTF8.self) == best + "\n")
            #expect(outcome.output.contains("best validation accuracy: "))
            let step = try #require(Int(best.suffix(8)))
            #expect(values.contains { $0.step == step && $0.value == highest })
            #expect(outcome.output.contains(" at step \(step): \(best)\n"), "\(outcome.output)")
            let lines = workshop.dtrain("checkpoint", "list", "run").output.split(separator: "\n")
            #expect(lines.filter { $0.hasSuffix("  best") }.map { $0.hasPrefix(best + "  ") } == [true])
            #expect(lines.allSatisfy { $0.contains("  validation accuracy ") || $0.contains("not evaluated") })
            #expect(
                workshop.dtrain("checkpoint", "digest", "run/best").output
                    == workshop.dtrain("checkpoint", "digest", best).output)
        }

        /// A run directory can be given in place of a checkpoint and means its newest one.
        @Test func runDirectorySelectsNewestCheckpoint() throws {
            let workshop = try Workshop()
            workshop.train()
            let (newest, digest) = (Workshop.checkpoint(24), workshop.digest())
            #expect(workshop.dtrain("checkpoint", "digest", "run/").output == digest + "\n")
            #expect(workshop.dtrain("checkpoint", "verify", "run", ranks: 2).output.hasPrefix("\(newest): valid"))
            let evaluated = workshop.dtrain("evaluate", "--checkpoint", "run", "--json", ranks: 2)
            let scores = try JSON(parsing: Array(evaluated.output.utf8), source: "evaluate")
            #expect(scores["checkpoint"]?.stringValue == newest && scores["step"]?.integerValue == 24)
            #expect(scores["dataset"]?.stringValue == "data")
            let logged = try workshop.metrics().last { $0["validation_loss"] != nil }
            for name in ["validation_loss", "validation_accuracy"] { #expect(scores[name] == logged?[name]) }
            #expect((scores["targets"]?.integerValue ?? 0) > 100)
            let words = ["--prompt", "the ", "--tokens", "5"]
            let generated = ["run", newest].map {
                workshop.start(["generate", "--checkpoint", $0] + words).finish().output
            }
            #expect(generated[0] == generated[1] && generated[0].hasPrefix("the "))
            #expect(workshop.dtrain("export", "--checkpoint", "run/best", "--output", "model").exitCode == 0)
            #expect(
                workshop.dtrain("import", "--from", "model", "--output", "back", "--tokenizer", "byte").exitCode == 0)
            let imported = workshop.dtrain("evaluate", "--checkpoint", "back", "--data", "data")
            #expect(imported.exitCode == 0, "\(imported.errors)")
            let longer = workshop.start(
                Workshop.training(["training.steps=30"], output: "longer") + ["--resume", "run"]
            ).finish()
            #expect(longer.output.contains("resumed from \(newest) at step 24"), "\(longer.output)\(longer.errors)")

            // A damaged checkpoint is skipped, which is reported on standard error.
            try damage(workshop.directory.file(newest + "/model.safetensors"))
            let older = workshop.dtrain("evaluate", "--checkpoint", "run", "--json", ranks: 2)
            #expect(try JSON(parsing: Array(older.output.utf8), source: "evaluate")["step"]?.integerValue == 20)
            #expect(older.messages.count == 1 && older.errors.contains("Falling back to step-00000020."))
        }

        /// The command that named a checkpoint resumes the run that started from it, if nothing else has changed.
        @Test func sameCommandResumesRunFromCheckpoint() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=10", output: "first")
            let sets = ["training.steps=100000", "training.checkpoint_every=1000", "schedule.peak=1e-3"]
            let command = Workshop.training(sets) + ["--resume", Workshop.checkpoint(10, output: "first")]
            var steps: [Int] = []
            for _ in 0..<3 {
                let job = workshop.start(command, ranks: 2)
                try #require(workshop.wait(forStep: (steps.last ?? 10) + 3))
                job.send(SIGUSR1)
                let outcome = job.finish()
                #expect(outcome.exitCode == 75, "\(outcome.errors)")
                let from = steps.last.map { Workshop.checkpoint($0) } ?? Workshop.checkpoint(10, output: "first")
                #expect(outcome.output.contains("resumed from \(from) at step"), "\(outcome.output)")
                #expect(outcome.output.contains(". Repeat the same command to resume.\n"))
                steps.append(try #require(try workshop.losses().last?.step))
            }
            #expect(try workshop.losses().map(\.step) == Array(11...steps[2]))
            #expect(!workshop.names("run").contains("previous-1"))
            // Without the option it is the same run.
            let plain = workshop.start(Workshop.training(sets), ranks: 2)
            try #require(workshop.wait(forStep: steps[2] + 1))
            plain.send(SIGUSR1)
            #expect(plain.finish().output.contains("resumed from \(Workshop.checkpoint(steps[2])) at step"))
            // With another configuration, a new run starts from the named checkpoint.
            let other = workshop.start(command + ["--set", "schedule.peak=5e-4", "training.steps=12"], ranks: 2)
                .finish()
            #expect(
                other.output.contains("resumed from first/checkpoints/step-00000010"), "\(other.output)\(other.errors)")
            #expect(workshop.names("run").contains("previous-1"))
        }

        /// The checkpoint from which a run started may have been removed since.
        @Test func sameCommandResumesWithoutNamedCheckpoint() throws {
            let workshop = try Workshop()
            let kept = ["training.keep_last=1", "training.keep_best=0", "training.checkpoint_every=5"]
            workshop.train("training.steps=10", kept[0], kept[1], kept[2])
            let sets = kept + ["training.steps=100000"]
            let command = Workshop.training(sets) + ["--resume", Workshop.checkpoint(10)]
            var last = 10
            for _ in 0..<2 {
                let job = workshop.start(command, ranks: 2)
                try #require(workshop.wait(forStep: last + 8))
                job.send(SIGUSR1)
                let outcome = job.finish()
                #expect(outcome.exitCode == 75, "\(outcome.errors)")
                let from = "resumed from \(Workshop.checkpoint(last)) at step"
                #expect(outcome.output.contains(from), "\(outcome.output)")
                last = try #require(try workshop.losses().last?.step)
                #expect(!workshop.names("run/checkpoints").contains("step-00000010"))
            }
            expectRefusal(
                workshop.start(Workshop.training(sets, output: "other") + ["--resume", Workshop.checkpoint(10)])
                    .finish(), 65, "there is no such file or directory")
        }

        /// A start that is rejected before the first step changes nothing in the run directory, and does not create
        /// one.
        @Test func rejectedStartChangesNothing() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5")
            let (names, outcome) = (
                workshop.names("run"), try FileSystem.contents(of: workshop.directory.file("run/outcome.json"))
            )
            for (sets, words) in [
                (["training.steps=5", "model.width=64"], []), (["training.steps=5"], ["--resume", "none/at/all"]),
                (["training.steps=5", "model.width=64", "fine_tuning.from=run"], ["--resume", "none"]),
            ] {
                for output in ["run", "new"] where output == "run" || sets.count + words.count > 2 {
                    let refused = workshop.start(Workshop.training(sets, output: output) + words, ranks: 2).finish()
                    #expect([64, 65].contains(refused.exitCode), "\(refused.errors)")
                    #expect(workshop.names(output) == (output == "run" ? names : []))
                    #expect(FileSystem.exists(workshop.directory.file(output)) == (output == "run"))
                }
            }
            #expect(try FileSystem.contents(of: workshop.directory.file("run/outcome.json")) == outcome)
        }

        /// A run that starts from scratch each time does not advise repeating the same command to resume.
        @Test func runFromScratchNamesCommandToResume() throws {
            let workshop = try Workshop()
            let sets = ["training.steps=100000"]
            let job = workshop.start(Workshop.training(sets) + ["--resume", "none"])
            try #require(workshop.wait(forStep: 2))
            job.send(SIGINT)
            let outcome = job.finish()
            #expect(outcome.exitCode == 75, "\(outcome.errors)")
            #expect(outcome.output.contains("Repeat the command without --resume none to resume."))
        }

        @Test func finishedRunIsNotChanged() throws {
            let workshop = try Workshop()
            workshop.train()
            let (digest, lines) = (workshop.digest(), try workshop.metrics())
            let again = workshop.train(ranks: 2)
            #expect(again.output.contains("the run is complete: 24 steps of 24 done."))
            #expect(workshop.digest() == digest)
            #expect(try workshop.metrics() == lines)
        }

        /// The suggested command works as printed, even in another directory.
        @Test func printedCommandExtendsFinishedRun() throws {
            let workshop = try Workshop()
            workshop.train(output: "a run")
            let output = workshop.train(output: "a run").output
            let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("the run is complete") })
            let command = try #require(line.split(separator: ": ").last)
            #expect(command.hasPrefix("dtrain --config '/"))
            let binary = "'\(Workshop.binary)' "
            let outcome = Job(["bash", "-c", binary + command.dropFirst("dtrain ".count)], in: "/").finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                outcome.output.contains("resumed from ") && outcome.output.contains("step 48/48"), "\(outcome.output)")
            #expect(workshop.names("a run/checkpoints").contains("step-00000048"))
        }

        @Test func activeRunLocksItsDirectory() throws {
            let workshop = try Workshop()
            let job = workshop.start(Workshop.training(["training.steps=100000"]))
            try #require(workshop.wait(forStep: 1))
            let second = workshop.start(Workshop.training(["training.steps=100000"]), ranks: 2).finish()
            expectRefusal(second, 64, "run is in use by an active run: host ", "pid \(job.pid)")
            job.send(SIGTERM)
            #expect(job.finish().exitCode == 75)
        }

        /// A checkpoint with another model or other data is rejected even if the user names it.
        @Test func rejectsCheckpointOfOtherModelOrData() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5")
            let wide = Workshop.training(["model.width=64", "training.steps=5"], output: "wide")
            expectRefusal(
                workshop.start(wide + ["--resume", Workshop.checkpoint(5)], ranks: 2).finish(), 64,
                "has another model", "model.width is 64, but 32 in the checkpoint",
                "the configuration that it was written with: --config run/config.yaml.")

            // Shards without a manifest contain token IDs, here as many distinct ones as there are bytes.
            for (source, target) in [("train-00000.bin", "train.bin"), ("validation-00000.bin", "val.bin")] {
                try FileSystem.makeDirectory(workshop.directory.file("bare"))
                let bytes = try FileSystem.contents(of: workshop.directory.file("data/\(source)"))
                try File(workshop.directory.file("bare/\(target)"), .create).write(bytes)
            }
            let sets = ["data.directory=bare", "model.vocabulary_size=256", "training.steps=5"]
            expectRefusal(
                workshop.start(Workshop.training(sets, output: "numbers") + ["--resume", Workshop.checkpoint(5)])
                    .finish(),
                64, "has another tokenizer (byte, vocabulary 256; the dataset: none, vocabulary 256)")
        }
    }
}
