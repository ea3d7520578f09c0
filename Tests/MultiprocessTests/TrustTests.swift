import Checkpoints
import Files
import Testing

extension MultiprocessTests {
    /// Invalid numbers, tokens and files are detected before they are used.
    @Suite struct TrustTests {
        /// Writes a checkpoint into the run `output`: that of one step of `run`, with the first bytes of a tensor
        /// replaced.
        private func replace(
            _ tensor: String, of file: String, with bytes: [UInt8], in workshop: Workshop, output: String,
            step: Int = 24
        ) throws {
            let directory = workshop.directory.file(Workshop.checkpoint(step))
            let original = try Checkpoint.open(directory)
            var memory: [UnsafeMutableRawBufferPointer] = []
            defer { for buffer in memory { buffer.deallocate() } }
            var files: [(name: String, tensors: [TensorSource])] = []
            for name in original.tensorFileNames {
                let opened = try original.openTensors(name)
                var sources: [TensorSource] = []
                for stored in opened.tensors {
                    let count = try #require(stored.type.byteCount(shape: stored.shape))
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
                    memory.append(buffer)
                    try opened.read(stored.name, into: buffer)
                    if name == file, stored.name == tensor {
                        for start in stride(from: 0, to: bytes.count, by: 1) { buffer[start] = bytes[start] }
                    }
                    sources.append(
                        TensorSource(
                            name: stored.name, type: stored.type, shape: stored.shape,
                            bytes: UnsafeRawBufferPointer(buffer)))
                }
                files.append((name, sources))
            }
            try Checkpoint.commit(
                run: RunDirectory(workshop.directory.file(output)), state: original.state, program: "test",
                identity: original.identity, files: files)
        }

        private static let nan: [UInt8] = [0, 0, 0xC0, 0x7F]

        /// Every command that loads weights or state names the file and the tensor, and does not advise a lower
        /// learning rate.
        @Test func rejectsNonFiniteCheckpoints() throws {
            let workshop = try Workshop()
            workshop.train()
            let tensor = "blocks.1.feed_forward.projection.weight"
            let names = try workshop.tensors(Workshop.checkpoint(24), "model.safetensors").keys
            try #require(names.contains(tensor), "\(names.sorted())")
            try replace(tensor, of: "model.safetensors", with: TrustTests.nan, in: workshop, output: "broken")
            let checkpoint = Workshop.checkpoint(24, output: "broken")
            func refuse(_ outcome: Job.Outcome, _ tensor: String = tensor, _ file: String = "model.safetensors") {
                expectRefusal(outcome, 65, "\(checkpoint)/\(file)", "tensor \(tensor): element 0", "only finite")
                #expect(!outcome.errors.contains("schedule"))
            }
            for words in [["--temperature", "0"], ["--top-p", "0.5"], ["--beam", "2"]] {
                refuse(workshop.start(["generate", "--checkpoint", checkpoint] + words).finish())
            }
            for path in [checkpoint, "broken"] {
                let verified = workshop.dtrain("checkpoint", "verify", path)
                refuse(verified)
                #expect(verified.errors.contains("\(checkpoint)/model.safetensors: is intact, but tensor"))
            }
            refuse(workshop.dtrain("evaluate", "--checkpoint", checkpoint, ranks: 2))
            refuse(
                workshop.dtrain("export", "--checkpoint", checkpoint, "--format", "huggingface", "--output", "model"))
            refuse(
                workshop.start(Workshop.training(["fine_tuning.from=broken"], output: "tuned"), ranks: 2).finish())
            let longer = Workshop.training(["training.steps=30"], output: "broken") + ["--resume", checkpoint]
            refuse(workshop.start(longer, ranks: 2).finish())

            // The optimizer's state is checked too.
            try FileSystem.remove(workshop.directory.file("broken"))
            let state = "optimizer-adamw.safetensors"
            let states = try workshop.tensors(Workshop.checkpoint(24), state).keys.filter { $0.hasSuffix(tensor) }
            let moment = try #require(states.max())
            try replace(moment, of: state, with: [0, 0, 0x80, 0x7F], in: workshop, output: "broken")
            refuse(workshop.start(longer, ranks: 2).finish(), moment, state)
        }

        /// A rejected command changes nothing: later checkpoints are set aside only for a valid checkpoint.
        @Test func rejectedResumeMovesNothing() throws {
            let workshop = try Workshop()
            workshop.train()
            try replace(
                "token_embedding.weight", of: "model.safetensors", with: TrustTests.nan, in: workshop, output: "run",
                step: 20)
            let before = (workshop.names("run"), workshop.names("run/checkpoints"), try workshop.metrics())
            #expect(before.1.contains("step-00000024"))
            let resume = ["--resume", Workshop.checkpoint(20)]
            expectRefusal(
                workshop.start(Workshop.training() + resume).finish(), 65, "tensor token_embedding.weight: element 0")
            #expect(workshop.names("run/checkpoints") == before.1)
            #expect(Set(workshop.names("run")) == Set(before.0))
            #expect(try workshop.metrics() == before.2)
        }

        /// Finite weights may produce infinite logits: no token is chosen from them.
        @Test func rejectsNonFinitePredictions() throws {
            let workshop = try Workshop()
            workshop.train()
            let huge: [UInt8] = Array(repeating: [0xFF, 0xFF, 0x7F, 0x7F], count: 64).flatMap { $0 }
            try replace(
                "token_embedding.weight", of: "model.safetensors", with: huge, in: workshop, output: "huge")
            let checkpoint = Workshop.checkpoint(24, output: "huge")
            for words in [["--temperature", "0"], ["--top-p", "0.5"], ["--top-k", "3"], ["--beam", "2"]] {
                let outcome = workshop.start(["generate", "--checkpoint", checkpoint, "--prompt", "a"] + words).finish()
                expectRefusal(outcome, 65, checkpoint, "prediction is not finite")
            }
            try FileSystem.replaceContents(of: workshop.directory.file("short.txt"), with: "alpha\nbeta\nof\n")
            let lines = workshop.dtrain("generate", "--checkpoint", checkpoint, "--input", "short.txt", ranks: 2)
            expectRefusal(lines, 65, checkpoint, "prediction is not finite")
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", checkpoint, ranks: 2), 65, checkpoint, "not finite")
            // Neither a lower rate nor an earlier checkpoint of the run would help a run that starts from such weights.
            let all: [UInt8] = Array(repeating: [0xFF, 0xFF, 0x7F, 0x7F], count: 256 * 32).flatMap { $0 }
            try FileSystem.remove(workshop.directory.file("huge"))
            try replace("token_embedding.weight", of: "model.safetensors", with: all, in: workshop, output: "huge")
            for steps in [24, 5] {
                let sets = ["fine_tuning.from=huge", "training.steps=\(steps)"]
                let tuned = workshop.start(Workshop.training(sets, output: "tuned-\(steps)")).finish()
                expectRefusal(
                    tuned, 70, "the weights of fine_tuning.from (huge) are", "3.40e+38, in token_embedding.weight.")
                #expect(!tuned.errors.contains("schedule.peak") && !tuned.errors.contains("last checkpoint"))
            }
        }

        /// An imported model is checked for finite values, in any number format.
        @Test func rejectsNonFiniteImports() throws {
            let workshop = try Workshop()
            workshop.exportTrainedModel()
            let path = workshop.directory.file("model/model.safetensors")
            let whole = try FileSystem.contents(of: path)
            try File(path, .create).write(Array(whole.dropLast(4)) + [0, 0, 0x80, 0xFF])
            expectRefusal(
                workshop.dtrain("import", "--from", "model", "--output", "back"), 65,
                "model/model.safetensors: tensor ",
                "only finite numbers are allowed")
            #expect(workshop.names("back").isEmpty)
        }

        // MARK: Data

        /// If reading fails on one rank during a run, all ranks save and end with the same code; nothing is lost or
        /// repeated.
        @Test(arguments: [("EIO", "forward"), ("ESTALE", "evaluation")])
        func readFailureSavesAndEndsTheRun(error: String, phase: String) throws {
            let workshop = try Workshop()
            let fault = "fail rank=1 step=8 phase=\(phase) call=read error=\(error)"
            let outcome = workshop.start(Workshop.training(), ranks: 2, environment: ["DTRAIN_FAULT": fault]).finish()
            expectRefusal(outcome, 74, "rank 1: ", "data/", "could not read", " is saved: repeat the same command")
            let marker = try FileSystem.contents(of: workshop.directory.file("run/outcome.json"))
            #expect(String(decoding: marker, as: UTF8.self).contains("\"exit_code\":74"))
            let newest = try #require(workshop.names("run/checkpoints").last)
            #expect(newest >= "step-00000008", "\(newest)")
            workshop.train(ranks: 2)
            workshop.train(output: "whole")
            #expect(workshop.digest() == workshop.digest("whole"))
        }

        /// If a shard is truncated while it is read, the run ends with an exit code and not by a signal.
        @Test func truncatedShardEndsTheRun() throws {
            let workshop = try Workshop()
            let sets = [
                "training.steps=1000000", "training.evaluate_every=1000000", "training.checkpoint_every=1000000",
            ]
            let job = workshop.start(Workshop.training(sets), ranks: 2)
            #expect(workshop.wait(forStep: 3))
            try File(workshop.directory.file("data/train-00000.bin"), .update).truncate(to: 1500)
            let outcome = job.finish()
            expectRefusal(outcome, 65, "data/train-00000.bin: ends at byte 1500", " is saved")
            #expect(workshop.names("run/checkpoints").count == 1)
        }

        /// The hashes of the evaluated split are checked; the other split is not read.
        @Test func evaluationVerifiesHashes() throws {
            let workshop = try Workshop()
            workshop.train()
            func flip(_ name: String) throws {
                let path = workshop.directory.file("data/\(name)")
                var bytes = try FileSystem.contents(of: path)
                bytes[bytes.count / 2] ^= 1
                try File(path, .create).write(bytes)
            }
            func evaluate() -> Job.Outcome {
                workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(24), ranks: 2)
            }
            try flip("train-00000.bin")
            #expect(evaluate().exitCode == 0)
            try flip("validation-00000.bin")
            expectRefusal(evaluate(), 65, "data/validation-00000.bin: its hash changed")
        }

        /// A dataset may have more shards than a process may open files.
        @Test(arguments: [nil, 2])
        func readsMoreShardsThanOpenFiles(ranks: Int?) throws {
            let workshop = try Workshop()
            let shard = try FileSystem.contents(of: workshop.directory.file("data/train-00000.bin"))
            try FileSystem.makeDirectory(workshop.directory.file("bare"))
            for index in 0..<200 {
                let name = "bare/part_\(index % 20 == 0 ? "val" : "train")_\(1000 + index).bin"
                // A file without header, as nanoGPT's.
                try File(workshop.directory.file(name), .create).write(Array(shard[1024..<1024 + 400]))
            }
            let launcher = ranks.map { ["mpirun", "-np", "\($0)"] } ?? []
            let sets = ["data.directory=bare", "model.vocabulary_size=256"]
            let words = ["sh", "-c", #"ulimit -n 64 && exec "$@""#, "sh", Workshop.binary] + Workshop.training(sets)
            let outcome = Job(launcher + words, in: workshop.directory.path).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("38 000 training and 2 000 validation tokens"), "\(outcome.output)")
        }

        /// A model and shards without a tokenizer can be combined if the vocabulary fits.
        @Test func evaluatesWithoutTokenizer() throws {
            let workshop = try Workshop()
            workshop.exportTrainedModel()
            try FileSystem.remove(workshop.directory.file("model/tokenizer.json"))
            workshop.dtrain("import", "--from", "model", "--output", "back")
            let checkpoint = Workshop.checkpoint(0, output: "back")
            try FileSystem.makeDirectory(workshop.directory.file("bare"))
            for name in ["train", "validation"] {
                try FileSystem.copy(
                    workshop.directory.file("data/\(name)-00000.bin"), to: workshop.directory.file("bare/\(name).bin"))
            }
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", checkpoint), 64, "imported", "--data DIR")
            let evaluated = workshop.dtrain("evaluate", "--checkpoint", checkpoint, "--data", "bare", ranks: 2)
            #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
            #expect(evaluated.errors.contains("neither bare nor \(checkpoint) records a tokenizer: assuming"))
            // The same model on the same tokens.
            let original = workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(4)).output
            #expect(original.split(separator: ",").first == evaluated.output.split(separator: ",").first)
            let sets = ["data.directory=bare", "model.vocabulary_size=256", "fine_tuning.from=back"]
            let tuned = workshop.start(Workshop.training(sets, output: "tuned"), ranks: 2).finish()
            #expect(tuned.exitCode == 0, "\(tuned.errors)")
            #expect(tuned.output.contains("neither bare nor "))
            // The data on which the run was trained need not be given.
            let own = workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(24, output: "tuned"))
            #expect(own.exitCode == 0 && own.errors.isEmpty, "\(own.errors)")

            // Shards without a tokenizer are also assumed to have the tokens of a model with one.
            let known = workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(4), "--data", "bare")
            #expect(
                known.exitCode == 0 && known.output.split(separator: ",").first == original.split(separator: ",").first)
            #expect(known.errors.contains("bare records no tokenizer: assuming that its token IDs are those of "))

            // A token outside the vocabulary is reported with its position.
            var bytes = try FileSystem.contents(of: workshop.directory.file("bare/validation.bin"))
            (bytes[1024 + 20], bytes[1024 + 21]) = (0, 1)
            try File(workshop.directory.file("bare/validation.bin"), .create).write(bytes)
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", checkpoint, "--data", "bare"), 65,
                "bare/validation.bin: token 256 at byte 1044")
        }

        /// The message gives the recorded path, and the option for the new one.
        @Test func reportsMovedDataset() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=4")
            try FileSystem.rename(workshop.directory.file("data"), to: workshop.directory.file("elsewhere"))
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(4), ranks: 2), 65, "dataset 'data'",
                "recorded path", "--data DIR")
            let found = workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(4), "--data", "elsewhere")
            #expect(found.exitCode == 0, "\(found.errors)")
        }

        /// The memory estimate never exceeds the actual use, and is not much lower.
        @Test(arguments: [
            [], ["model.width=384", "model.layers=6"], ["model.width=384", "precision=float16"],
            ["model.vocabulary_size=16000", "model.width=256"], ["averaging.strategy=allreduce", "model.width=384"],
            ["model.family=encoder_decoder", "batch.slots=1", "model.width=128", "optimizer.kind=sgd"],
        ])
        func memoryEstimatesAreLowerBounds(sets: [String]) throws {
            let workshop = try Workshop(text: nil)
            let words = ["bench", "step", "--json", "--repeat", "1"] + sets.flatMap { ["--set", $0] }
            let outcome = workshop.start(words).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let json = try JSON(parsing: Array(outcome.output.utf8), source: "bench")
            let estimate = try #require(json["estimated_bytes"]?.integerValue)
            let peak = try #require(json["peak_resident_bytes"]?.integerValue)
            #expect(estimate <= peak, "\(estimate) \(peak)")
            // The difference is the program itself and the buffers of packed matrices.
            #expect(estimate >= peak * 3 / 4 - (64 << 20), "\(estimate) \(peak)")
        }

        /// A model for which no host has enough memory is rejected at the start, on every rank.
        @Test func rejectsModelTooLargeForMemory() throws {
            let workshop = try Workshop()
            let sets = ["model.width=16384", "model.heads=64", "model.layers=30"]
            expectRefusal(
                workshop.start(Workshop.training(sets), ranks: 2).finish(), 64, "needs at least", "is available",
                "model.width")
            #expect(workshop.names("run").isEmpty)
        }
    }
}
