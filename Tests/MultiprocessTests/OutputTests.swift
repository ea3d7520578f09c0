import Files
import Testing

extension MultiprocessTests {
    /// Output to a terminal, a log file and a pipe.
    @Suite struct OutputTests {
        /// The command line that runs a command in a terminal and copies its output.
        private func onTerminal(_ words: [String]) -> [String] {
            ["script", "-qec", words.joined(separator: " "), "/dev/null"]
        }

        @Test(arguments: [nil, 2])
        func fileOutputHasPlainLines(ranks: Int?) throws {
            let outcome = try Workshop().train(ranks: ranks)
            #expect(outcome.output.utf8.allSatisfy { $0 == 10 || $0 >= 32 }, "\(outcome.output)")
            #expect(outcome.output.contains("step 24/24  loss "))
            #expect(outcome.output.contains("tokens/s"))
            #expect(outcome.errors.isEmpty)
        }

        /// `mpirun` forwards no output while it waits for ranks to which it has sent SIGTERM, so rank 0 writes to the
        /// terminal.
        @Test func stopRequestIsReportedOnTheTerminal() throws {
            let workshop = try Workshop()
            let words = ([Workshop.binary] + Workshop.training(["training.steps=100000"])).joined(separator: " ")
            let script = """
                mpirun -np 2 \(words) >output 2>errors &
                for i in $(seq 600); do [ -s run/metrics.jsonl ] && break; sleep 0.1; done
                kill -TERM $!
                wait
                """
            try FileSystem.replaceContents(of: workshop.directory.file("script"), with: script)
            let outcome = Job(onTerminal(["bash", "script"]), in: workshop.directory.path).finish()
            #expect(outcome.output.contains("dtrain: stopping: the ranks save the run"), "\(outcome.output)")
            #expect(
                outcome.output.split(separator: "\n").count { $0.contains("dtrain: stopping") } == 1,
                "\(outcome.output)")
        }

        /// A message after a drawn line starts on a new line.
        @Test func messageBeginsALine() throws {
            let workshop = try Workshop()
            let words = ["prepare", "--text", "text.txt", "--tokenizer", "bpe:60000", "--output", "other"]
            let outcome = Job(onTerminal([Workshop.binary] + words), in: workshop.directory.path).finish()
            #expect(outcome.exitCode == 64)
            #expect(
                outcome.output.contains("KiB of text\r\u{1B}[2Kdtrain: --tokenizer bpe:60000: "), "\(outcome.output)")
        }

        @Test(arguments: [nil, 2])
        func terminalOutputHasProgressBar(ranks: Int?) throws {
            let workshop = try Workshop()
            let launcher = ranks.map { ["mpirun", "-np", "\($0)"] } ?? []
            let words = onTerminal(launcher + [Workshop.binary] + Workshop.training())
            let outcome = Job(words, in: workshop.directory.path).finish()
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("\r\u{1B}[2K[████"), "\(outcome.output)")
            #expect(outcome.output.contains("step 24: validation loss "))
        }

        /// Losses that are different quantities have different names.
        @Test func smoothedLossesAreNamed() throws {
            let output = try Workshop().train("objective.label_smoothing=0.1").output
            #expect(output.contains("\nloss: with label smoothing in training (objective.label_smoothing 0.1)"))
            #expect(output.contains("\nstep 24/24  smoothed loss "), "\(output)")
            #expect(output.contains("\nstep 24: validation loss (unsmoothed) "))
            #expect(output.contains("\nbest validation loss (unsmoothed): "))
            #expect(
                output.split(separator: "\n").filter { $0.hasPrefix("step ") && $0.contains("left") }.allSatisfy {
                    $0.count <= 80
                })
        }

        /// If the reader of a pipe exits after one line, training continues to its end.
        @Test func trainingSurvivesClosedPipe() throws {
            let workshop = try Workshop()
            let words = ([Workshop.binary] + Workshop.training()).joined(separator: " ")
            let script = "{ \(words); echo $? > code; } | head -n 1"
            let outcome = Job(["bash", "-c", script], in: workshop.directory.path).finish()
            #expect(outcome.output.hasPrefix("dtrain "))
            #expect(workshop.digest().count == 32)
            #expect(try workshop.losses().count == 24)
        }

        private func run(_ script: String, in workshop: Workshop) -> Job.Outcome {
            let words = ["bash", "-c", script.replacing("dtrain ", with: "'\(Workshop.binary)' ")]
            return Job(words, in: workshop.directory.path).finish()
        }

        private static let commands = [
            "--version", "--help", "help generate", "--config tiny.yaml --show run.directory",
            "prepare --text text.txt --tokenizer byte --output more",
            "score --hypotheses text.txt --references text.txt",
            "checkpoint list run", "checkpoint digest run/checkpoints/step-00000004",
            "evaluate --checkpoint run/checkpoints/step-00000004",
            "export --checkpoint run/checkpoints/step-00000004 --format huggingface --output model",
            "generate --checkpoint run/checkpoints/step-00000004 --prompt alpha --tokens 3",
            "generate --checkpoint run/checkpoints/step-00000004 --input lines --tokens 1",
        ]

        /// Every command that prints a result fails if it cannot print it.
        @Test func commandsFailIfOutputFails() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=4")
            try FileSystem.replaceContents(of: workshop.directory.file("lines"), with: "alpha\nbeta\n")
            for command in OutputTests.commands {
                for (redirection, words) in [(">/dev/full", "No space left"), (">&-", "standard output is closed")] {
                    try? FileSystem.remove(workshop.directory.file("more"))
                    let outcome = run("dtrain \(command) \(redirection)", in: workshop)
                    #expect(outcome.exitCode == 74, "\(command) \(redirection): \(outcome.errors)")
                    #expect(
                        outcome.messages.count == 1 && outcome.errors.contains(words), "\(command): \(outcome.errors)")
                }
                try? FileSystem.remove(workshop.directory.file("more"))
                // Standard error is not a result, and no file gets its descriptor number.
                let outcome = run("dtrain \(command) 2>&-", in: workshop)
                #expect(outcome.exitCode == 0, "\(command)")
            }
        }

        /// If the reader exits, commands end quietly by SIGPIPE, like other programs.
        @Test func closedPipeEndsCommandQuietly() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=4")
            let lines = String(repeating: "alpha\n", count: 5000)
            try FileSystem.replaceContents(of: workshop.directory.file("lines"), with: lines)
            for input in ["--input lines", "--prompt alpha"] {
                let outcome = run(
                    "dtrain generate --checkpoint run/checkpoints/step-00000004 \(input) --tokens 2000 | head -c 3; "
                        + "echo \" ${PIPESTATUS[0]}\"", in: workshop)
                #expect(outcome.output.hasSuffix(" 141\n"), "\(outcome.output)")
                #expect(outcome.errors.isEmpty, "\(outcome.errors)")
            }
        }

        /// The result of training is its checkpoint, so training continues; the output failure is reported once,
        /// immediately.
        @Test(arguments: [">/dev/full", ">&-"])
        func trainingContinuesWithoutOutput(redirection: String) throws {
            let workshop = try Workshop()
            let words = Workshop.training().joined(separator: " ")
            let outcome = run("dtrain \(words) \(redirection)", in: workshop)
            #expect(outcome.exitCode == 74)
            #expect(outcome.messages.count == 1 && outcome.errors.contains("Training continues"), "\(outcome.errors)")
            let marker = try FileSystem.contents(of: workshop.directory.file("run/outcome.json"))
            #expect(
                String(decoding: marker, as: UTF8.self) == #"{"outcome":"finished","exit_code":74,"step":24}"# + "\n")
            workshop.train(output: "other")
            #expect(workshop.digest() == workshop.digest("other"))
        }

        /// The umask determines the modes of files; a configuration key makes checkpoints private.
        @Test func modesFollowTheUmask() throws {
            let workshop = try Workshop()
            func modes(_ umask: String, _ words: String) -> Set<String> {
                let outcome = run(
                    "rm -rf out; umask \(umask); dtrain \(words) >log && find out -type f -printf '%m %f\\n'",
                    in: workshop)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return Set(outcome.output.split(separator: "\n").map(String.init))
            }
            let training = Workshop.training(["training.steps=4"], output: "out").joined(separator: " ")
            let shared = modes("002", training)
            #expect(
                shared.isSuperset(of: [
                    "664 config.yaml", "664 model.safetensors", "664 manifest.json", "664 metrics.jsonl",
                ]))
            #expect(modes("077", training).allSatisfy { $0.hasPrefix("600 ") })
            let secret = modes("002", training + " --set training.private_checkpoints=true")
            #expect(
                secret.isSuperset(of: [
                    "664 config.yaml", "600 model.safetensors", "600 manifest.json", "600 state.json",
                ]))
            let prepared = modes("002", "prepare --text text.txt --tokenizer byte --output out")
            #expect(prepared.allSatisfy { $0.hasPrefix("664 ") } && prepared.count == 3)
        }

        /// A file of the user is not mistaken for one of a run.
        @Test func runDoesNotOverwriteUserConfiguration() throws {
            let workshop = try Workshop()
            try FileSystem.makeDirectory(workshop.directory.file("mine"))
            try FileSystem.replaceContents(
                of: workshop.directory.file("mine/config.yaml"), with: "run: {seed: 3}  # mine\n")
            expectRefusal(
                workshop.start(Workshop.training(output: "mine"), ranks: 2).finish(), 64, "mine/config.yaml",
                "would be overwritten")
            #expect(workshop.names("mine") == ["config.yaml"])
        }

        /// All memory is allocated before the first step.
        @Test(arguments: ["float32", "float16", "bfloat16"])
        func memoryDoesNotGrow(precision: String) throws {
            let workshop = try Workshop()
            let peaks = [10, 200].map { steps in
                workshop.train(
                    "training.steps=\(steps)", "precision=\(precision)", "training.checkpoint_every=200",
                    output: "run-\(steps)"
                ).peakResidentBytes
            }
            #expect(peaks[1] - peaks[0] < 1 << 20, "\(peaks)")
        }

        /// The quickstart's data are the licence texts of Debian and Ubuntu.
        @Test(arguments: [nil, 4])
        func quickstartTrainsWithoutArguments(ranks: Int?) throws {
            let workshop = try Workshop(text: nil)
            let sets = ["training.steps=6", "schedule.warmup_steps=2", "model.layers=1", "model.width=32"]
            let job = workshop.start(sets.flatMap { ["--set", $0] }, ranks: ranks)
            let outcome = job.finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("preparing "))
            #expect(workshop.names("runs/quickstart/checkpoints") == ["step-00000006"])
            #expect(workshop.names("data/quickstart").contains("dataset.json"))
        }
    }
}
