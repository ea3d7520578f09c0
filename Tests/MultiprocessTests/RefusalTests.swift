import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// Errors are reported once, with their exit code, and every process ends.
    @Suite struct RefusalTests {
        @Test(arguments: [
            ("model.layer=3", "unknown key model.layer; the nearest is model.layers"),
            ("model.layers=many", "model.layers"), ("model.heads=3", "a divisor of model.width (32)"),
            ("batch.sequences=12", "a multiple of batch.slots (8)"), ("schedule.peak=-1", "schedule.peak"),
            ("precision=float8", "float32, float16"), ("averaging.wire=float8", "float32, float16, bfloat16"),
            ("model.dropout=1", "model.dropout"),
        ])
        func rejectsInvalidConfigurations(set: String, message: String) throws {
            let workshop = try Workshop(text: nil)
            expectRefusal(workshop.start(Workshop.training([set]), ranks: 2).finish(), 64, message, "--set \(set)")
            #expect(workshop.names("run").isEmpty)
        }

        @Test func rejectsInvalidConfigurationFiles() throws {
            let workshop = try Workshop(text: nil)
            expectRefusal(
                workshop.dtrain("--config", "none.yaml", ranks: 2), 64, "none.yaml: no such configuration file")
            try FileSystem.replaceContents(of: workshop.directory.file("bad.yaml"), with: "model:\n  layer: 2\n")
            expectRefusal(workshop.dtrain("--config", "bad.yaml", ranks: 2), 64, "bad.yaml:2", "model.layers")
            for (bytes, words) in [
                ([0x1F, 0x8B, 8, 0] as [UInt8], "is compressed with gzip"), ([0xFF, 0xFE, 0x61, 0], "is UTF-16"),
            ] {
                try File(workshop.directory.file("bad.yaml"), .create).write(bytes)
                expectRefusal(workshop.dtrain("--config", "bad.yaml"), 64, "bad.yaml: \(words)")
            }
        }

        @Test func rejectsInvalidCommandLines() throws {
            let workshop = try Workshop(text: nil)
            expectRefusal(workshop.dtrain("tran", ranks: 2), 64, "dtrain: unknown command tran; did you mean train?")
            expectRefusal(workshop.dtrain("help", "tran", ranks: 2), 64, "unknown command tran")
            expectRefusal(workshop.dtrain("--stes", "x", ranks: 2), 64, "train: unknown option --stes")
            expectRefusal(workshop.dtrain("evaluate", ranks: 2), 64, "evaluate: --checkpoint is missing")
            expectRefusal(workshop.dtrain("prepare", "--text", "x"), 64, "prepare: --tokenizer is missing")
            for words in [["--help"], ["help", "train"], ["train", "--help"], ["--version"]] {
                let outcome = workshop.start(words).finish()
                #expect(outcome.exitCode == 0 && !outcome.output.isEmpty && outcome.errors.isEmpty, "\(words)")
            }
        }

        /// Help is printed once for all ranks, even if an option before it is invalid.
        @Test func helpIsPrintedOnce() throws {
            let workshop = try Workshop(text: nil)
            for words in [["-h"], ["help", "-h"], ["train", "-h"], ["evaluate", "--nonsense", "--help"]] {
                let outcome = workshop.start(words, ranks: 3).finish()
                #expect(outcome.exitCode == 0 && outcome.messages.isEmpty, "\(words): \(outcome.errors)")
                let usages = outcome.output.split(separator: "\n").filter { $0.hasPrefix("usage: dtrain ") }
                #expect(usages.count == 1, "\(words): \(outcome.output)")
            }
        }

        /// Tasks that srun has not connected would each train the whole run; only the first one reports the error.
        @Test func rejectsUnconnectedTasks() throws {
            let workshop = try Workshop()
            let words = Workshop.training(output: "a run")
            func start(_ environment: [String: String], _ words: [String]) -> Job.Outcome {
                workshop.start(words, environment: environment).finish()
            }
            let step = ["SLURM_NTASKS": "3", "SLURM_STEP_NUM_TASKS": "3"]
            expectRefusal(
                start(step.merging(["SLURM_PROCID": "0"]) { $1 }, words), 64,
                "train: this is task 0 of a Slurm step of 3 tasks", "mpirun -np 3 ", "srun --mpi=pmix -n 3 ",
                "--output 'a run'")
            let other = start(step.merging(["SLURM_PROCID": "2"]) { $1 }, words)
            #expect(other.exitCode == 64 && other.errors.isEmpty, "\(other.errors)")
            expectRefusal(
                start(["PMI_RANK": "0", "PMI_SIZE": "2"], ["bench", "gemm"]), 64, "bench: this is process 0 of 2",
                "mpirun of another MPI")
            #expect(!FileSystem.exists(workshop.directory.file("a run")))
            // In a batch script the environment contains the job's number of tasks, but the script is a single process.
            // Other commands may run in unconnected tasks.
            let batch = start(
                ["SLURM_NTASKS": "3", "SLURM_PROCID": "0"],
                Workshop.training(["training.steps=1", "schedule.warmup_steps=0"]))
            #expect(batch.exitCode == 0, "\(batch.errors)")
            let list = start(step.merging(["SLURM_PROCID": "1"]) { $1 }, ["checkpoint", "list", "run"])
            #expect(list.exitCode == 0 && list.output.contains("step 1"), "\(list.errors)")
        }

        @Test func rejectsMoreRanksThanSlots() throws {
            let workshop = try Workshop()
            expectRefusal(
                workshop.start(Workshop.training(["batch.slots=2"]), ranks: 3).finish(), 64,
                "allowed: at most batch.slots (2) ranks")
        }

        @Test func rejectsRanksWithDifferentOptions() throws {
            let workshop = try Workshop()
            func refuse(_ sets: [String], _ words: String) {
                let program = [Workshop.binary] + Workshop.training()
                let launch = ["mpirun", "-np", "1"] + program + [":", "-np", "1"] + program
                let job = Job(launch + sets.flatMap { ["--set", $0] }, in: workshop.directory.path)
                expectRefusal(job.finish(), 64, "rank 1 differs from rank 0", words)
            }
            refuse(["training.steps=20"], "training.steps is 20, rank 0's training.steps is 24")
            refuse(["training.evaluate_every=5"], "training.evaluate_every is 5")
            refuse(["averaging.strategy=allreduce"], "averaging.strategy is allreduce")
            refuse(["precision=float16"], "precision is float16")
            refuse(["model.width=64"], "model.width is 64")
            try FileSystem.replaceContents(of: workshop.directory.file("text.txt"), with: Workshop.text + "More.")
            workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", "byte", "--output", "other")
            refuse(["data.directory=other"], "the dataset is ")
            #expect(workshop.names("run").isEmpty)
        }

        @Test func rejectsRanksWithDifferentCommands() throws {
            let workshop = try Workshop()
            let commands = [
                Workshop.training(), ["evaluate", "--checkpoint", "run"], ["generate", "--checkpoint", "run"],
                ["--version"],
            ]
            for (first, second) in [(0, 1), (1, 2), (3, 0)] {
                let launch =
                    ["mpirun", "-np", "1", Workshop.binary] + commands[first] + [":", "-np", "1", Workshop.binary]
                    + commands[second]
                let job = Job(launch, in: workshop.directory.path)
                expectRefusal(job.finish(timeoutSeconds: 20), 64, "rank 1: was started as", "but rank 0 as")
            }
            #expect(workshop.names("run").isEmpty)
        }

        @Test func rejectsMissingDatasets() throws {
            let workshop = try Workshop()
            func refuse(_ data: String, _ words: String) {
                let outcome = workshop.start(Workshop.training(["data.directory=\(data)"]), ranks: 2).finish()
                expectRefusal(outcome, 65, data, words)
            }
            refuse("nowhere", "no dataset")
            refuse("run-of-another-kind", "dtrain prepare --text FILE")
            let text = workshop.start(Workshop.training(["data.context_length=100000"])).finish()
            expectRefusal(text, 65, "100000")
        }

        @Test func rejectsInvalidTexts() throws {
            let workshop = try Workshop(text: nil)
            func prepare(_ name: String) -> Job.Outcome {
                workshop.dtrain("prepare", "--text", name, "--tokenizer", "byte", "--output", "data")
            }
            expectRefusal(prepare("missing.txt"), 65, "missing.txt")
            for (name, bytes) in [("empty.txt", []), ("latin1.txt", Array("gr".utf8) + [0xF6, 0xDF, 0x65])] {
                try File(workshop.directory.file(name), .create).write(bytes as [UInt8])
                expectRefusal(prepare(name), 65, name)
            }
            #expect(!workshop.names("data").contains("dataset.json"))
        }

        /// Damage is found before the first step, or at the step that reads the data.
        @Test func rejectsDamagedShards() throws {
            let workshop = try Workshop()
            let path = workshop.directory.file("data/train-00000.bin")
            let whole = try FileSystem.contents(of: path)
            func refuse(_ bytes: [UInt8], _ words: String) throws {
                try File(path, .create).write(bytes)
                let outcome = workshop.start(Workshop.training(), ranks: 2).finish()
                expectRefusal(outcome, 65, "data/train-00000.bin", words)
            }
            try refuse(Array(whole.dropLast(2)), "")
            try refuse([1] + whole.dropFirst(), "")
            var changed = whole
            changed[whole.count / 2] ^= 1
            try refuse(changed, "XXH3-128")
        }

        /// Shards without a manifest have no hashes: a token outside the vocabulary is found by the rank that reads it.
        @Test func rejectsTokenOutsideVocabulary() throws {
            let workshop = try Workshop()
            var bytes = try FileSystem.contents(of: workshop.directory.file("data/train-00000.bin"))
            let offset = 1024 + 2 * 5000
            (bytes[offset], bytes[offset + 1]) = (0, 1)
            try FileSystem.makeDirectory(workshop.directory.file("bare"))
            try File(workshop.directory.file("bare/train.bin"), .create).write(bytes)
            let sets = ["data.directory=bare", "model.vocabulary_size=256", "training.steps=100"]
            expectRefusal(
                workshop.start(Workshop.training(sets), ranks: 2).finish(), 65,
                "bare/train.bin: token 256 at byte \(offset)",
                "from 0 to 255")
        }

        /// An unknown value of DTRAIN_KERNELS is rejected; a known or empty one is accepted.
        @Test func checksKernelLimit() throws {
            let workshop = try Workshop()
            let words = Workshop.training(["training.steps=2", "schedule.warmup_steps=0"])
            expectRefusal(
                workshop.start(words, ranks: 2, environment: ["DTRAIN_KERNELS": "mmx"]).finish(), 64,
                "DTRAIN_KERNELS: found mmx; allowed: avx2, avx512, avx512_bf16, amx")
            #expect(workshop.names("run").isEmpty)
            for limit in ["avx512", ""] {
                let outcome = workshop.start(
                    words + ["--resume", "none"], ranks: 2, environment: ["DTRAIN_KERNELS": limit]
                ).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
            }
        }

        @Test func rejectsUnwritableDirectories() throws {
            let workshop = try Workshop()
            expectRefusal(workshop.start(Workshop.training(output: "text.txt/run"), ranks: 2).finish(), 74, "text.txt")
            expectRefusal(workshop.start(Workshop.training(output: "/proc/run"), ranks: 2).finish(), 74, "/proc/run")
        }

        /// Weight decay that exceeds the weights themselves overflows within a few steps.
        @Test func nonFiniteLossEndsTheRun() throws {
            let workshop = try Workshop()
            let sets = [
                "optimizer.weight_decay=100", "schedule.peak=100", "schedule.kind=constant", "schedule.floor=0",
                "schedule.warmup_steps=0",
                "training.checkpoint_every=2",
            ]
            let outcome = workshop.start(Workshop.training(sets), ranks: 2).finish()
            // All further steps are skipped, which ends the run.
            expectRefusal(
                outcome, 70, "rank 0: the loss of slot 0 is not a finite number", ".weight", "for 11 steps in a row",
                "The last checkpoint is untouched.")
            let newest = try #require(workshop.names("run/checkpoints").last)
            #expect(workshop.dtrain("checkpoint", "verify", "run/checkpoints/\(newest)").exitCode == 0)
        }
    }
}
