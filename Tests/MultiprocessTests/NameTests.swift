import Files
import Testing
import Texts

extension MultiprocessTests {
    /// File names and texts that are not UTF-8, or that Swift's `String` splits differently.
    @Suite struct NameTests {
        /// "größe" in Latin-1, an overlong encoding of a slash, a line break, and a letter followed by a combining
        /// accent.
        static let folder = PathText.text(
            of: Array("gr".utf8) + [0xF6, 0xDF, 0x65, 0xC0, 0xAF, 0x0A, 0x65, 0xCC, 0x81])

        private func expectFinished(_ outcome: Job.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
            #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
            // Output for a terminal is UTF-8.
            #expect(!outcome.output.unicodeScalars.contains("\u{FFFD}"), sourceLocation: sourceLocation)
            #expect(!outcome.errors.unicodeScalars.contains("\u{FFFD}"), sourceLocation: sourceLocation)
            #expect(!PathText.isEscaped(outcome.output + outcome.errors), sourceLocation: sourceLocation)
        }

        /// All operations of a run, in a directory whose name is not UTF-8.
        @Test func runWorksInDirectoryThatIsNotUTF8() throws {
            let workshop = try Workshop(text: nil)
            let (folder, files) = (Self.folder, workshop.directory)
            try FileSystem.makeDirectory(files.file(folder))
            try FileSystem.replaceContents(of: files.file("\(folder)/\(folder).txt"), with: Workshop.text)
            try FileSystem.rename(files.file("tiny.yaml"), to: files.file("\(folder)/tiny.yaml"))
            let data = workshop.dtrain(
                "prepare", "--text", "\(folder)/\(folder).txt", "--tokenizer", "byte", "--output", "\(folder)/data")
            expectFinished(data)
            #expect(data.output.contains(#"gr\xF6\xDFe\xC0\xAF"#), "\(data.output)")

            let run = "\(folder)/run"
            func train() -> Job.Outcome {
                workshop.start(
                    [
                        "--config", "\(folder)/tiny.yaml", "--output", run, "--set", "data.directory=\(folder)/data",
                        "--set", "training.steps=10",
                    ], ranks: 2
                ).finish()
            }
            expectFinished(train())
            try FileSystem.remove(files.file(Workshop.checkpoint(10, output: run)))
            let resumed = train()
            expectFinished(resumed)
            #expect(resumed.output.contains("at step 8"), "\(resumed.output)")
            // The recorded configuration contains the same directories.
            let shown = workshop.start(["--config", "\(run)/config.yaml", "--show", "run.directory"])
            #expect(shown.finish().exitCode == 0)
            expectFinished(workshop.dtrain("--config", "\(run)/config.yaml", ranks: 2))

            let checkpoint = Workshop.checkpoint(10, output: run)
            expectFinished(workshop.dtrain("checkpoint", "list", run))
            expectFinished(workshop.dtrain("checkpoint", "verify", checkpoint))
            // The data directory is that recorded in the checkpoint.
            expectFinished(workshop.dtrain("evaluate", "--checkpoint", checkpoint, ranks: 2))
            let text = workshop.dtrain("generate", "--checkpoint", checkpoint, "--prompt", "al", "--tokens", "3")
            #expect(text.exitCode == 0 && text.output.utf8.starts(with: "al".utf8), "\(text.errors)")
            try FileSystem.replaceContents(of: files.file("\(folder)/in"), with: "alpha\nbeta\n")
            expectFinished(
                workshop.dtrain(
                    "generate", "--checkpoint", checkpoint, "--input", "\(folder)/in", "--output", "\(folder)/out",
                    "--tokens", "3"))
            expectFinished(
                workshop.dtrain(
                    "export", "--checkpoint", checkpoint, "--format", "huggingface", "--output", "\(folder)/model"))
            expectFinished(
                workshop.dtrain(
                    "import", "--from", "\(folder)/model", "--tokenizer", "byte", "--output", "\(folder)/back"))
            let tuned = workshop.start(
                [
                    "--config", "\(folder)/back/config.yaml", "--set", "fine_tuning.from=\(folder)/back", "--set",
                    "data.directory=\(folder)/data", "--set", "training.steps=2", "--set", "batch.sequences=2", "--set",
                    "batch.slots=2", "--set", "schedule.warmup_steps=1", "--output", "\(folder)/tuned",
                ], ranks: 2)
            expectFinished(tuned.finish())
            #expect(workshop.names(folder).contains("out") && workshop.names("\(folder)/tuned").contains("config.yaml"))
            // Nothing is written elsewhere.
            #expect(workshop.names("").map(\.exact) == [folder.exact])
        }

        @Test func showPrintsDirectoriesUnchanged() throws {
            let workshop = try Workshop(text: nil)
            let shell = Job(
                [
                    "sh", "-c", #"[ "$("$1" train --output "$2" --show run.directory)" = "$2" ]"#, "sh",
                    Workshop.binary,
                    Self.folder,
                ], in: workshop.directory.path)
            #expect(shell.finish().exitCode == 0)
        }

        @Test func textsMustBeUTF8ButPathsNeedNot() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=5")
            let checkpoint = Workshop.checkpoint(5)
            let wrong = PathText.text(of: [0x61, 0xFF])
            for option in ["prompt", "stop"] {
                expectRefusal(
                    workshop.dtrain("generate", "--checkpoint", checkpoint, "--\(option)", wrong), 64,
                    #"--\#(option): found a\xFF, which is not UTF-8"#)
            }
            expectRefusal(workshop.dtrain("evaluate", "--checkpoint", wrong), 65, #"a\xFF"#)
            expectRefusal(workshop.dtrain("--" + wrong), 64, #"unknown option --a\xFF"#)
            expectRefusal(workshop.dtrain(wrong), 64, #"unknown command a\xFF"#)
            // A combining mark after the equals sign begins the prompt.
            let marked = workshop.dtrain(
                "generate", "--checkpoint", checkpoint, "--prompt=\u{301}alpha", "--tokens", "2")
            #expect(marked.exitCode == 0, "\(marked.errors)")
            #expect(marked.output.unicodeScalars.starts(with: "\u{301}alpha".unicodeScalars), "\(marked.output)")
        }
    }
}
