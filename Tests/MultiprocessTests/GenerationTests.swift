import Files
import Glibc
import Testing

extension MultiprocessTests {
    /// Generation for the lines of a file, for each family: the output does not depend on the number of ranks or the
    /// batch size.
    @Suite struct GenerationTests {
        private func workshop(_ prepare: [String], _ sets: [String], files: [String: String] = [:]) throws -> Workshop {
            let workshop = try Workshop(text: prepare.isEmpty ? Workshop.text : nil)
            for (name, text) in files {
                try FileSystem.replaceContents(of: workshop.directory.file(name), with: text)
            }
            if !prepare.isEmpty {
                let prepared = workshop.start(["prepare"] + prepare + ["--output", "data"]).finish()
                try #require(prepared.exitCode == 0, "\(prepared.errors)")
            }
            let trained = workshop.start(
                Workshop.training(sets + ["training.steps=8", "training.checkpoint_every=8"]), ranks: 2
            ).finish()
            try #require(trained.exitCode == 0, "\(trained.errors)")
            return workshop
        }

        private func write(_ text: String, to name: String, _ workshop: Workshop) throws {
            try FileSystem.replaceContents(of: workshop.directory.file(name), with: text)
        }

        /// Generates for `lines` in several ways, expects equal output, and returns it.
        private func results(_ workshop: Workshop, _ lines: [String], _ options: [String] = []) throws -> [String] {
            try write(lines.joined(separator: "\n") + "\n", to: "lines", workshop)
            let words = ["generate", "--checkpoint", Workshop.checkpoint(8), "--input", "lines"] + options
            let outcome = workshop.start(words).finish()
            try #require(outcome.exitCode == 0, "\(outcome.errors)")
            for (ranks, batch) in [(nil, "1"), (2, "16"), (3, "2")] as [(Int?, String)] {
                let other = workshop.start(words + ["--batch", batch, "--output", "results"], ranks: ranks).finish()
                #expect(other.exitCode == 0, "\(other.errors)")
                #expect(other.output.isEmpty, "\(other.output)")
                let written = try FileSystem.contents(of: workshop.directory.file("results"))
                #expect(String(decoding: written, as: UTF8.self) == outcome.output, "\(ranks ?? 0) ranks")
            }
            let all = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(all.count == lines.count + 1)
            return Array(all.dropLast())
        }

        /// In a JSON Lines file, prompts may contain line breaks, and the output equals that of a single prompt.
        private func expectTheSameOfObjects(_ workshop: Workshop) throws {
            let prompts = ["alpha\nbeta", "", "\n", "tab\t\"größe\"\r\n", "alpha\nbeta"]
            let objects = prompts.map { JSON.object([.init("text", .string($0))]).line }
            try write("\u{FEFF}" + objects.joined(separator: "\r\n"), to: "prompts.jsonl", workshop)
            let words = ["generate", "--checkpoint", Workshop.checkpoint(8), "--tokens", "24", "--seed", "5"]
            for ranks in [nil, 2] as [Int?] {
                let outcome = workshop.start(words + ["--input", "prompts.jsonl"], ranks: ranks).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let results = try outcome.output.utf8.split(separator: 0x0A).map {
                    try JSON(parsing: Array($0), source: "results")["text"]?.stringValue
                }
                try #require(results.count == prompts.count)
                for (prompt, result) in zip(prompts.prefix(4), results) where !prompt.isEmpty {
                    let alone = workshop.start(words + ["--prompt", prompt]).finish()
                    #expect(alone.output == (result ?? "none") + "\n")
                }
                #expect(results[1] == "")
                #expect(results[4] != results[0] && results[4]?.hasPrefix("alpha\nbeta") == true)
            }
            try write("{\"text\": \"a\"}\n{\"prompt\": \"a\"}\n", to: "wrong.jsonl", workshop)
            refuse(
                workshop, ["--input", "wrong.jsonl"], 65, "wrong.jsonl: line 2: found prompt; allowed: a JSON object")
        }

        private func refuse(_ workshop: Workshop, _ words: [String], _ code: Int, _ message: String) {
            let outcome = workshop.start(["generate", "--checkpoint", Workshop.checkpoint(8)] + words).finish()
            expectRefusal(outcome, Int32(code), message)
        }

        /// Completed lines remain after any interruption, and the same command resumes after them with identical
        /// output.
        @Test(arguments: [(SIGKILL, nil), (SIGTERM, nil), (SIGKILL, 2), (SIGUSR1, 2)] as [(Int32, Int?)])
        func interruptedCommandResumes(signal: Int32, ranks: Int?) throws {
            let workshop = try workshop([], [])
            let lines = (0..<400).map { "line \($0)" }
            try write(lines.joined(separator: "\n"), to: "lines", workshop)
            let words = [
                "generate", "--checkpoint", Workshop.checkpoint(8), "--input", "lines", "--tokens", "400", "--batch",
                "4",
                "--output",
            ]
            #expect(workshop.start(words + ["whole"]).finish().exitCode == 0)
            let whole = try FileSystem.contents(of: workshop.directory.file("whole"))
            let part = { (try? FileSystem.contents(of: workshop.directory.file("part"))) ?? [] }
            let job = workshop.start(words + ["part"], ranks: ranks)
            // Progress is recorded after each write of four lines per rank: the second write follows the first record.
            #expect(Job.poll(seconds: 120) { part().count { $0 == UInt8(ascii: "\n") } > 4 * (ranks ?? 1) })
            kill(try #require(ranks == nil ? job.pid : job.process(ofRank: 1)), signal)
            let stopped = job.finish()
            try #require(part().count < whole.count, "The command was faster than the signal.")
            #expect(whole.starts(with: part()))
            if signal != SIGKILL {
                #expect(stopped.exitCode == 75, "\(stopped.errors)")
                #expect(stopped.messages.count == 1 && stopped.errors.contains("lines done"), "\(stopped.errors)")
                #expect(part().last == UInt8(ascii: "\n"))
            }
            let continued = workshop.start(words + ["part"]).finish()
            #expect(
                continued.exitCode == 0 && continued.errors.contains("of 400 lines; the remaining ones follow"),
                "\(continued.errors)")
            #expect(part() == whole)
            // Lines printed to standard output remain too.
            let printing = workshop.start(Array(words.dropLast()), ranks: ranks)
            #expect(Job.poll(seconds: 120) { !printing.output.isEmpty })
            printing.send(SIGUSR1)
            let printed = Array(printing.finish().output.utf8)
            #expect(!printed.isEmpty && whole.starts(with: printed))
        }

        private static let lines = ["alpha beta", "→", "", "the größe of naïve", "delta"]

        @Test func decoderContinues() throws {
            let workshop = try workshop([], ["model.positions=rotary"])
            let sampled = try results(
                workshop, GenerationTests.lines, ["--tokens", "40", "--repetition-penalty", "1.1"])
            for (line, text) in zip(GenerationTests.lines, sampled) { #expect(text.hasPrefix(line)) }
            #expect(sampled[2].isEmpty)
            let greedy = try results(
                workshop, GenerationTests.lines, ["--tokens", "20", "--temperature", "0", "--stop", "zzz"])
            // A line as a single prompt, with the line break as a stop sequence.
            let alone = workshop.dtrain(
                "generate", "--checkpoint", Workshop.checkpoint(8), "--prompt", GenerationTests.lines[3], "--tokens",
                "20", "--temperature", "0", "--stop", "\n")
            #expect(alone.output == greedy[3] + "\n")
            // Sampled tokens do not depend on the position of the prompt in the file.
            let drawn = workshop.dtrain(
                "generate", "--checkpoint", Workshop.checkpoint(8), "--prompt", GenerationTests.lines[4], "--tokens",
                "40", "--repetition-penalty", "1.1", "--stop", "\n")
            #expect(drawn.output == sampled[4] + "\n")
            try expectTheSameOfObjects(workshop)
            _ = try results(
                workshop, GenerationTests.lines, ["--tokens", "8", "--beam", "3", "--length-penalty", "0.6"])

            let long = String(repeating: "x", count: 33)
            refuse(workshop, ["--prompt", long], 64, "--prompt has 33 tokens; the model's limit is 32")
            // A decoder uses the end of a long prompt; the text before it has no effect.
            let cropped = ["ab", "zz"].map { start in
                workshop.start([
                    "generate", "--checkpoint", Workshop.checkpoint(8), "--prompt", start + long, "--crop", "--tokens",
                    "4",
                    "--temperature", "0",
                ]).finish()
            }
            #expect(
                cropped[0].exitCode == 0 && cropped[0].output.contains(String(long.dropLast())), "\(cropped[0].errors)")
            #expect(cropped[0].output == cropped[1].output)
            refuse(workshop, ["--prompt", long], 64, "or add --crop to read only its end")
            try write("a\n\(long)\n", to: "long", workshop)
            refuse(workshop, ["--input", "long"], 65, "long:2: has 33 tokens")
            refuse(workshop, ["--input", "long", "--prompt", "a"], 64, "cannot be combined")
            refuse(workshop, ["--beam", "2", "--top-k", "3"], 64, "--beam and --top-k")
            refuse(workshop, ["--length-penalty", "2"], 64, "requires --beam")
            refuse(workshop, ["--output", "x"], 64, "--output requires --input")
            refuse(workshop, ["--tokens", "9:8"], 64, "--tokens: found 9:8")
            refuse(workshop, ["--input", "none"], 65, "none")
        }

        @Test func encoderDecoderTranslates() throws {
            let words = ["alpha", "beta", "gamma", "delta"]
            let source = (0..<60).map { "\(words[$0 % 4]) \(words[$0 / 4 % 4])" }
            let workshop = try workshop(
                ["--parallel", "source", "target", "--tokenizer", "byte"], ["model.family=encoder_decoder"],
                files: [
                    "source": source.joined(separator: "\n"),
                    "target": source.map { $0.uppercased() }.joined(separator: "\n"),
                ])
            _ = try results(workshop, GenerationTests.lines, ["--beam", "4"])
            _ = try results(workshop, GenerationTests.lines, ["--tokens", "5:30"])
            refuse(workshop, ["--prompt", String(repeating: "x", count: 32)], 64, "--prompt has 32 tokens")
        }

        @Test func prefixDecoderAndEncoderFillGaps() throws {
            let prepare = ["--text", "text", "--tokenizer", "bpe:340"]
            let files = ["text": Workshop.text]
            let lines = ["alpha [MASK] the", "[MASK] and [MASK]", "of"]
            let filling = try workshop(prepare, ["model.family=prefix_decoder"], files: files)
            let filled = try results(filling, lines, ["--tokens", "6"])
            #expect(filled[0].hasPrefix("alpha") && filled[0].hasSuffix(" the"), "\(filled)")
            #expect(filled[1].hasSuffix("and [MASK]"), "\(filled)")
            #expect(!filled.contains { $0.contains("  ") }, "\(filled)")

            let masked = try workshop(prepare, ["model.family=encoder"], files: files)
            let guessed = try results(masked, Array(lines.prefix(2)))
            #expect(guessed.allSatisfy { !$0.contains("[MASK]") }, "\(guessed)")
            refuse(masked, ["--prompt", "no gap"], 64, "--prompt has no [MASK]")
        }

        @Test func classifierPrintsClasses() throws {
            let rows = (0..<60).map { $0 % 2 == 0 ? "yes\talpha beta \($0)" : "no\tgrößer → \($0)" }
            let workshop = try workshop(
                ["--labelled", "rows", "--tokenizer", "byte"], ["model.family=classifier"],
                files: ["rows": rows.joined(separator: "\n")])
            let best = try results(workshop, GenerationTests.lines)
            let all = try results(workshop, GenerationTests.lines, ["--all"])
            for (line, (one, two)) in zip(GenerationTests.lines, zip(best, all)) where !line.isEmpty {
                let parts = two.split(separator: "\t")
                #expect(Set([parts[0], parts[2]]) == ["yes", "no"])
                #expect(one == "\(parts[0])\t\(parts[1])")
                #expect(abs((Double(parts[1]) ?? 0) + (Double(parts[3]) ?? 0) - 1) < 2e-4)
            }
            let prompt = workshop.dtrain(
                "generate", "--checkpoint", Workshop.checkpoint(8), "--prompt", "delta", "--all")
            #expect(prompt.output.split(separator: "\n").joined(separator: "\t") == all[4])
        }
    }
}
