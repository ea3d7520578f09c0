import Files
import Testing

extension MultiprocessTests {
    /// Runs that start from the weights of another run.
    @Suite struct FineTuningTests {
        /// A learning rate of zero: the weights at the end are those at the start.
        private static let frozen = [
            "schedule.peak=0", "schedule.floor=0", "schedule.warmup_steps=0", "training.steps=1",
            "training.checkpoint_every=1",
        ]
        private static let classes = ["model.family=classifier", "model.pooling=dense", "data.directory=labelled"]

        /// A pretrained encoder, and labelled records with two classes and the same tokenizer.
        private func pretrained() throws -> Workshop {
            let workshop = try Workshop()
            let lines = (0..<120).map { $0 % 2 == 0 ? "odd\talpha beta of" : "even\tthe naïve delta" }
            try FileSystem.replaceContents(
                of: workshop.directory.file("labels.tsv"), with: lines.joined(separator: "\n"))
            try FileSystem.remove(workshop.directory.file("data"))
            let prepared = workshop.dtrain(
                "prepare", "--text", "text.txt", "--tokenizer", "bpe:320", "--output", "data")
            #expect(prepared.exitCode == 0, "\(prepared.errors)")
            workshop.train("model.family=encoder", output: "encoder")
            let labelled = workshop.dtrain(
                "prepare", "--labelled", "labels.tsv", "--tokenizer",
                "\(Workshop.checkpoint(24, output: "encoder"))/tokenizer.model", "--output", "labelled")
            #expect(labelled.exitCode == 0, "\(labelled.errors)")
            return workshop
        }

        /// The encoder's tensors are loaded bit for bit, and the new head's are initialized randomly.
        @Test func loadsEncoderAndInitializesHead() throws {
            let workshop = try pretrained()
            let sets =
                FineTuningTests.classes + FineTuningTests.frozen + [
                    "fine_tuning.from=encoder", "fine_tuning.skip=[\"head.*\", \"pooler.*\"]",
                ]
            let outcome = workshop.start(Workshop.training(sets, output: "classes"), ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("weights from encoder/checkpoints/step-00000024: "))
            #expect(
                outcome.output.contains("; initial values: pooler.weight, pooler.bias, head.weight, head.bias"),
                "\(outcome.output)")
            let old = try workshop.tensors(Workshop.checkpoint(24, output: "encoder"), "model.safetensors")
            let new = try workshop.tensors(Workshop.checkpoint(1, output: "classes"), "model.safetensors")
            let drawn: Set<String> = ["pooler.weight", "pooler.bias", "head.weight", "head.bias"]
            #expect(Set(new.keys).subtracting(old.keys) == drawn)
            for (name, bytes) in new where !drawn.contains(name) { #expect(old[name] == bytes, "\(name)") }
            #expect(new["head.weight"]?.contains { $0 != 0 } == true)
        }

        /// Frozen tensors keep the checkpoint's bits while the others are trained, identically for any number of ranks.
        @Test(arguments: ["float32", "float16"])
        func frozenTensorsKeepTheirBits(precision: String) throws {
            let workshop = try Workshop()
            workshop.train("training.ema_decay=0.9", output: "first")
            let sets = [
                "precision=\(precision)", "fine_tuning.from=first", "optimizer.freeze=[\"blocks.0.*\", \"token_*\"]",
                "training.ema_decay=0",
            ]
            for ranks in [1, 2, 4] {
                let outcome = workshop.start(Workshop.training(sets, output: "run-\(ranks)"), ranks: ranks).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("averaged weights from first/checkpoints/step-00000024: 28 of 28"))
            }
            let old = try workshop.tensors(Workshop.checkpoint(24, output: "first"), "model-ema.safetensors")
            let isHalf = precision == "float16"
            let new = try workshop.tensors(
                Workshop.checkpoint(24, output: "run-1"),
                isHalf ? "optimizer-adamw.safetensors" : "model.safetensors")
            for (name, bytes) in old {
                let isFrozen = name.hasPrefix("blocks.0.") || name.hasPrefix("token_")
                #expect((new[isHalf ? "master/\(name)" : name] == bytes) == isFrozen, "\(name)")
            }
            let digests = [1, 2, 4].map { workshop.digest("run-\($0)") }
            #expect(Set(digests).count == 1, "\(digests)")
        }

        /// A run whose optimizer has no state can resume; only imported models cannot.
        @Test func resumesWithoutOptimizerState() throws {
            let workshop = try Workshop()
            let sets = ["optimizer.kind=sgd", "optimizer.weight_decay=0"]
            let first = workshop.start(Workshop.training(sets)).finish()
            #expect(first.exitCode == 0, "\(first.errors)")
            let digest = workshop.digest()
            try FileSystem.remove(workshop.directory.file(Workshop.checkpoint(24)))
            let resumed = workshop.start(Workshop.training(sets)).finish()
            #expect(resumed.exitCode == 0, "\(resumed.errors)")
            #expect(workshop.digest() == digest)
        }

        /// Float16 master weights are loaded unchanged in a Float16 or a Float32 run.
        @Test(arguments: ["float32", "float16"])
        func loadsMasterWeightsUnchanged(precision: String) throws {
            let workshop = try Workshop()
            workshop.train("precision=float16", output: "first")
            let sets = FineTuningTests.frozen + ["precision=\(precision)", "fine_tuning.from=first"]
            for ranks in [1, 2, 4] {
                let outcome = workshop.start(Workshop.training(sets, output: "run-\(ranks)"), ranks: ranks).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
            }
            let old = try workshop.tensors(Workshop.checkpoint(24, output: "first"), "optimizer-adamw.safetensors")
            let masters = old.filter { $0.key.hasPrefix("master/") }
            #expect(masters.count == 28)
            let (checkpoint, isHalf) = (Workshop.checkpoint(1, output: "run-1"), precision == "float16")
            let new = try workshop.tensors(checkpoint, isHalf ? "optimizer-adamw.safetensors" : "model.safetensors")
            for (name, bytes) in masters {
                #expect(new[isHalf ? name : String(name.dropFirst("master/".count))] == bytes, "\(name)")
            }
            let digests = [1, 2, 4].map { workshop.digest("run-\($0)", step: 1) }
            #expect(Set(digests).count == 1, "\(digests)")
        }

        /// A run that resumes has its own weights: the checkpoint from which it started may be deleted.
        @Test func resumeDoesNotNeedInitialCheckpoint() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5", "run.seed=8", output: "first")
            let sets = ["fine_tuning.from=first", "fine_tuning.load=[\"blocks.*\", \"token_*\"]"]
            for output in ["whole", "parts"] {
                let outcome = workshop.start(Workshop.training(sets, output: output), ranks: 2).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
            }
            for step in [20, 24] {
                try FileSystem.remove(workshop.directory.file(Workshop.checkpoint(step, output: "parts")))
            }
            try FileSystem.remove(workshop.directory.file("first"))
            let resumed = workshop.start(Workshop.training(sets, output: "parts"), ranks: 4).finish()
            #expect(resumed.exitCode == 0, "\(resumed.errors)")
            #expect(!resumed.output.contains("weights from"))
            #expect(workshop.digest("parts") == workshop.digest("whole"))
        }

        /// Adapters have the same bits for any number of ranks and after an interruption, in every precision; their
        /// checkpoints hold nothing else. The base is recognized wherever it is.
        @Test(arguments: ["float32", "float16", "bfloat16"])
        func adaptersAreTrainedIdentically(precision: String) throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5", output: "base")
            let sets = [
                "precision=\(precision)", "fine_tuning.from=base", "training.ema_decay=0.9", "training.steps=10",
                "fine_tuning.lora={rank: 2, dropout: 0.2, targets: [attention.*, feed_forward.projection]}",
            ]
            let ranks = precision == "float32" ? [1, 2, 4] : [1, 2]
            for ranks in ranks {
                let outcome = workshop.start(Workshop.training(sets, output: "run-\(ranks)"), ranks: ranks).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("6 adapters of attention.*, feed_forward.projection: "))
            }
            let digests = ranks.map { workshop.digest("run-\($0)", step: 10) }
            #expect(Set(digests).count == 1, "\(digests)")
            let tensors = try workshop.tensors(Workshop.checkpoint(10, output: "run-1"), "model.safetensors")
            #expect(tensors.count == 12 && tensors.keys.allSatisfy { $0.contains(".lora_") })
            #expect(tensors["blocks.1.attention.query_key_value.lora_b"]?.contains { $0 != 0 } == true)

            try FileSystem.remove(workshop.directory.file(Workshop.checkpoint(10, output: "run-2")))
            try FileSystem.rename(workshop.directory.file("base"), to: workshop.directory.file("moved"))
            let moved = sets.map { $0 == "fine_tuning.from=base" ? "fine_tuning.from=moved" : $0 }
            let resumed = workshop.start(Workshop.training(moved, output: "run-2"), ranks: 1).finish()
            #expect(resumed.exitCode == 0, "\(resumed.errors)")
            #expect(resumed.output.contains("resumed from run-2/") && workshop.digest("run-2", step: 10) == digests[0])
        }

        /// An adapter is evaluated, merged and exported; one of another base or rank is not resumed.
        @Test func adaptersAreUsedWithTheirBase() throws {
            let workshop = try Workshop()
            for seed in [8, 9] { workshop.train("training.steps=3", "run.seed=\(seed)", output: "base-\(seed)") }
            try FileSystem.replaceContents(
                of: workshop.directory.file("q.jsonl"),
                with: (0..<9).map { #"{"prompt": "\#($0) ", "choices": ["alpha", "of"], "answer": 0}"# }
                    .joined(separator: "\n"))
            let sets = [
                "fine_tuning.from=base-8", "training.tasks=q.jsonl", "training.steps=6", "fine_tuning.lora={rank: 2}",
            ]
            let outcome = workshop.start(Workshop.training(sets, output: "adapter"), ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            func refuse(_ sets: [String], _ words: String...) {
                let outcome = workshop.start(Workshop.training(sets, output: "adapter")).finish()
                expectRefusal(outcome, 64, words[0], words.last!)
            }
            refuse(["fine_tuning.from=base-9"] + sets.dropFirst(), "has another base", "the base is ")
            refuse(
                sets.dropLast() + ["fine_tuning.lora={rank: 3}"], "has another model",
                "fine_tuning.lora is {rank: 3, ")
            refuse(
                sets.dropLast() + ["fine_tuning.lora={targets: attention.keys}"],
                "no linear layer of the blocks", "matches attention.keys; the nearest: blocks.0.attention.key, ")
            refuse(sets + ["fine_tuning.skip=head.*"], "fine_tuning.skip: found", "with fine_tuning.lora")
            refuse(
                ["fine_tuning.from=adapter"] + sets.dropFirst(), "adapter/checkpoints/step-00000006 is an adapter",
                "merge")

            // Evaluations answer questions with the merged weights.
            let answered = workshop.dtrain("evaluate", "--checkpoint", "adapter", "--task", "q.jsonl", "--json").output
            let scores = try JSON(parsing: Array(answered.utf8), source: "output")
            let evaluated = try workshop.metrics("adapter").last { $0["validation_loss"] != nil }
            #expect(evaluated?["validation_choice_accuracy"] == scores["choice_accuracy"], "\(scores)")
            let merged = workshop.dtrain("merge", "--checkpoint", "adapter", "--output", "merged")
            #expect(merged.exitCode == 0, "\(merged.errors)")
            #expect(merged.output.contains("4 adapters merged"))
            let evaluations = ["adapter", "merged"].map {
                workshop.dtrain("evaluate", "--checkpoint", $0, "--data", "data").output
            }
            #expect(evaluations[0] == evaluations[1] && evaluations[0].contains("loss"), "\(evaluations)")
            let exported = workshop.dtrain("export", "--checkpoint", "adapter", "--format", "peft", "--output", "peft")
            #expect(exported.exitCode == 0, "\(exported.errors)")
            #expect(Set(workshop.names("peft")).isSuperset(of: ["adapter_config.json", "adapter_model.safetensors"]))

            try FileSystem.rename(workshop.directory.file("base-8"), to: workshop.directory.file("elsewhere"))
            let lost = workshop.dtrain("evaluate", "--checkpoint", "adapter")
            expectRefusal(lost, 65, "which cannot be read", "dtrain merge --checkpoint ")
            let found = workshop.dtrain("merge", "--checkpoint", "adapter", "--base", "elsewhere", "--output", "again")
            #expect(found.exitCode == 0, "\(found.errors)")
            #expect(workshop.digest("again", step: 6) == workshop.digest("merged", step: 6))
        }

        /// Model options that the command omits are inherited from the checkpoint; options that it gives are compared
        /// with it.
        @Test func modelOptionsAreInherited() throws {
            let workshop = try Workshop()
            let model = [
                "model.normalization=rms", "model.positions=rotary", "model.activation=swiglu", "model.bias=false",
                "model.layers=1", "model.width=24", "training.steps=5",
            ]
            _ = workshop.start(Workshop.training(model, output: "first")).finish()
            let run = [
                "--set", "data.directory=data", "batch.sequences=4", "training.steps=3", "fine_tuning.from=first",
            ]
            let outcome = workshop.start(["--output", "second"] + run, ranks: 2).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("weights from \(Workshop.checkpoint(5, output: "first"))"))
            #expect(!outcome.output.contains("another model") && !outcome.output.contains("initial values"))
            let configuration = try FileSystem.contents(of: workshop.directory.file("second/config.yaml"))
            let lines = String(decoding: configuration, as: UTF8.self)
            for line in ["context_length: 32", "normalization: rms", "activation: swiglu", "width: 24", "dropout: 0.1"]
            {
                #expect(lines.contains("  \(line)\n"), "\(line)")
            }
            // A default that is adjusted to the short run.
            #expect(lines.contains("  warmup_steps: 3\n"))

            let other = workshop.start(["--output", "third"] + run + ["model.activation=relu"]).finish()
            expectRefusal(
                other, 64, "blocks.0.feed_forward.", "model.activation is relu, but swiglu in the checkpoint")
            let base = workshop.start(["--output", "fourth"] + run + ["model.rotary_base=500"]).finish()
            #expect(
                base.output.contains(
                    "the model differs from the checkpoint's: model.rotary_base is 500.0, but 10000.0 in the checkpoint"
                ))
            #expect(
                workshop.start(["--output", "fifth", "--show", "model.width"] + run).finish().output == "24\n")
            // Options of a token prediction head do not apply to a classifier and keep their defaults.
            let decoder = [
                "model.head=transform", "training.steps=1", "schedule.warmup_steps=0",
            ]
            _ = workshop.start(Workshop.training(decoder, output: "decoder")).finish()
            let shown = workshop.start([
                "--show", "model.head", "--set", "model.family=classifier", "fine_tuning.from=decoder",
            ]).finish()
            #expect(shown.output == "linear\n", "\(shown.errors)")
        }

        /// The frozen tensors are listed.
        @Test func frozenTensorsAreListed() throws {
            let workshop = try Workshop()
            let short = ["training.steps=1", "schedule.warmup_steps=0"]
            let outcome = workshop.train(short[0], short[1], "optimizer.freeze=[\"blocks.*.bias\", \"position_*\"]")
            #expect(
                outcome.output.contains("frozen: 9 of 28 tensors, "), "\(outcome.output)")
            #expect(outcome.output.contains("position_embedding.weight, blocks.{0,1}.attention.query_key_value.bias, "))
            #expect(!workshop.train(short[0], short[1], output: "free").output.contains("frozen"))
        }

        @Test func rejectsUnsuitableCheckpoints() throws {
            let workshop = try pretrained()
            func refuse(_ sets: [String], _ exitCode: Int32 = 64, _ words: String...) {
                let outcome = workshop.start(Workshop.training(sets, output: "refused"), ranks: 2).finish()
                expectRefusal(outcome, exitCode, words[0], words.last!)
            }
            let (classes, from) = (FineTuningTests.classes, "fine_tuning.from=encoder")
            refuse(
                classes + [from], 64, "pooler.weight: its shape is [32, 32] in this model, but ",
                "list in fine_tuning.skip the tensors that keep their initial values")
            refuse(
                ["model.family=encoder", "model.width=48", from], 64,
                "token_embedding.weight: its shape is [320, 48] in this model, but [320, 32] in encoder/checkpoints/")
            refuse(
                ["model.family=encoder", from, "fine_tuning.load=block.*"], 64,
                "fine_tuning.load: no parameter matches block.*; the nearest: blocks.0.")
            refuse(
                ["model.family=encoder", from, "fine_tuning.skip=\"*\""], 64, "fine_tuning.skip: leaves nothing to load"
            )
            refuse(
                ["fine_tuning.skip=head.*"], 64, "fine_tuning.skip: found",
                "allowed: [] (the default) if fine_tuning.from is null")
            refuse(["fine_tuning.from=none"], 65, "none: there is no such file or directory")
            let other = workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", "bpe:310", "--output", "other")
            #expect(other.exitCode == 0, "\(other.errors)")
            refuse(
                ["model.family=encoder", "data.directory=other", "model.vocabulary_size=320", from], 64,
                "the dataset has the tokenizer sentencepiece (vocabulary 310, ",
                "--tokenizer encoder/checkpoints/step-00000024/tokenizer.model")
        }
    }
}
