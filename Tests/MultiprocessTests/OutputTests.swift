import Testing

extension MultiprocessTests {
    /// What a person, a log file and a pipe see.
    @Suite struct OutputTests {
        /// The command line that shows a command a terminal and copies what it draws.
        private func onTerminal(_ words: [String]) -> [String] {
            ["script", "-qec", words.joined(separator: " "), "/dev/null"]
        }

        @Test(arguments: [nil, 2])
        func aFileGetsPlainLines(ranks: Int?) throws {
            let outcome = try Workshop().train(ranks: ranks)
            #expect(outcome.output.utf8.allSatisfy { $0 == 10 || $0 >= 32 }, "\(outcome.output)")
            #expect(outcome.output.contains("step 24/24  loss "))
            #expect(outcome.output.contains("tokens/s"))
            #expect(outcome.errors.isEmpty)
        }

        @Test(arguments: [nil, 2])
        func aTerminalGetsABar(ranks: Int?) throws {
            let workshop = try Workshop()
            let launcher = ranks.map { ["mpirun", "-np", "\($0)"] } ?? []
            let words = onTerminal(launcher + [Workshop.binary] + Workshop.training())
            let outcome = Job(words, in: workshop.directory.path).finish()
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("\r\u{1B}[2K[████"), "\(outcome.output)")
            #expect(outcome.output.contains("step 24: validation loss "))
        }

        /// The reader goes away after a line: the training goes on to its end.
        @Test func aPipeWithoutAReader() throws {
            let workshop = try Workshop()
            let words = ([Workshop.binary] + Workshop.training()).joined(separator: " ")
            let script = "{ \(words); echo $? > code; } | head -n 1"
            let outcome = Job(["bash", "-c", script], in: workshop.directory.path).finish()
            #expect(outcome.output.hasPrefix("dtrain "))
            #expect(workshop.digest().count == 32)
            #expect(try workshop.losses().count == 24)
        }

        /// Everything is allocated before the first step.
        @Test(arguments: ["float32", "float16"])
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

        /// The licence texts of Debian and Ubuntu are the quickstart's data.
        @Test(arguments: [nil, 4])
        func theProgramAloneTrains(ranks: Int?) throws {
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
