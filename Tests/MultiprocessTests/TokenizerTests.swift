import Files
import Testing

extension MultiprocessTests {
    /// The output of `prepare`, and its use by runs and checkpoints.
    @Suite struct TokenizerTests {
        private func expectFinished(_ outcome: Job.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
            #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
        }

        @Test func checkpointContainsTokenizer() throws {
            let workshop = try Workshop()
            for (choice, directory) in [("bpe:300", "pieces"), ("bpe:300", "again"), ("unigram:300", "others")] {
                expectFinished(
                    workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", choice, "--output", directory))
            }
            // The same text gives the same files in another process.
            #expect(workshop.names("pieces").contains("tokenizer.model"))
            for name in workshop.names("pieces") {
                let files = try ["pieces", "again"].map {
                    try FileSystem.contents(of: workshop.directory.file("\($0)/\(name)"))
                }
                #expect(files[0] == files[1], "\(name)")
            }

            let sets = ["data.directory=pieces", "training.steps=4"]
            workshop.train(sets[0], sets[1], output: "one")
            workshop.train("data.directory=again", sets[1], ranks: 2, output: "two")
            #expect(workshop.digest("one", step: 4) == workshop.digest("two", step: 4))

            let checkpoint = Workshop.checkpoint(4, output: "two")
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", checkpoint, "--data", "others"), 64,
                "others does not fit \(checkpoint): the dataset has the tokenizer sentencepiece")
            for name in ["pieces", "again"] { try FileSystem.remove(workshop.directory.file(name)) }
            let generated = workshop.dtrain(
                "generate", "--checkpoint", checkpoint, "--prompt", "the größe 𝛼", "--tokens", "20")
            expectFinished(generated)
            #expect(generated.output.hasPrefix("the größe 𝛼"))

            let model = workshop.directory.file("\(checkpoint)/tokenizer.model")
            var bytes = try FileSystem.contents(of: model)
            bytes[bytes.count / 2] ^= 1
            try File(model, .create).write(bytes)
            for words in [["generate", "--checkpoint", checkpoint], ["checkpoint", "verify", checkpoint]] {
                expectRefusal(workshop.start(words).finish(), 65, "tokenizer.model", "XXH3-128")
            }
            // A damaged checkpoint is skipped on resume, like any other.
            try FileSystem.remove(model)
            expectRefusal(workshop.dtrain("generate", "--checkpoint", checkpoint), 65, "tokenizer.model")
        }

        /// A `tokenizer.json` goes with the dataset, the checkpoint, its export and the import of that.
        @Test func tokenizerJSONIsCarriedAlong() throws {
            let workshop = try Workshop()
            func bytes(_ path: String) throws -> [UInt8] {
                try FileSystem.contents(of: workshop.directory.file(path))
            }
            expectFinished(
                workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", "bytebpe:300", "--output", "pieces"))
            workshop.train("data.directory=pieces", "training.steps=4", ranks: 2, output: "one")
            let checkpoint = Workshop.checkpoint(4, output: "one")
            let file = try bytes("pieces/tokenizer.json")
            #expect(try bytes("\(checkpoint)/tokenizer.json") == file)
            let generated = workshop.dtrain(
                "generate", "--checkpoint", "one", "--prompt", "the größe 𝛼", "--tokens", "20")
            expectFinished(generated)
            #expect(generated.output.hasPrefix("the größe 𝛼"))

            expectFinished(workshop.dtrain("export", "--checkpoint", "one", "--output", "model"))
            #expect(try bytes("model/tokenizer.json") == file)
            expectFinished(workshop.dtrain("import", "--from", "model", "--output", "two"))
            for choice in ["two", "model", "pieces", "model/tokenizer.json"] {
                let data = "data-\(choice.replacing("/", with: "-"))"
                expectFinished(
                    workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", choice, "--output", data))
                let evaluation = workshop.dtrain("evaluate", "--checkpoint", "two", "--data", data)
                expectFinished(evaluation)
            }

            // Lines of a text to lines of token IDs, and back.
            let lines = "the größe\n\n  𝛼 </s> b\n"
            try FileSystem.replaceContents(of: workshop.directory.file("lines"), with: lines)
            let tokens = workshop.dtrain("tokenize", "--checkpoint", "two", "--input", "lines")
            expectFinished(tokens)
            #expect(tokens.output == workshop.dtrain("tokenize", "--tokenizer", "model", "--input", "lines").output)
            try FileSystem.replaceContents(of: workshop.directory.file("tokens"), with: tokens.output)
            let texts = workshop.dtrain("tokenize", "--checkpoint", "two", "--input", "tokens", "--decode")
            #expect(texts.output == lines)
            let special = workshop.dtrain("tokenize", "--tokenizer", "model", "--input", "lines", "--special")
            expectFinished(special)
            #expect(special.output != tokens.output && special.output.contains(" 2 "))
            try FileSystem.replaceContents(of: workshop.directory.file("tokens"), with: special.output)
            for (flags, text) in [(["--special"], lines), ([], "the größe\n\n  𝛼  b\n")] {
                let words = ["tokenize", "--tokenizer", "model", "--input", "tokens", "--decode"] + flags
                #expect(workshop.start(words).finish().output == text)
            }

            expectRefusal(workshop.dtrain("tokenize", "--input", "lines"), 64, "--tokenizer FILE or --checkpoint DIR")
            expectRefusal(workshop.dtrain("tokenize", "--tokenizer", "bpe:300"), 64, "allowed: byte, or")
            expectRefusal(workshop.dtrain("tokenize", "--tokenizer", "byte", "--special"), 64, "--special")
            expectRefusal(
                workshop.dtrain("tokenize", "--tokenizer", "model", "--input", "lines", "--decode"), 65,
                "lines: line 1",
                "from 0 to 299")
            try FileSystem.replaceContents(of: workshop.directory.file("cut.json"), with: #"{"model": {"vocab": {"a""#)
            expectRefusal(workshop.dtrain("tokenize", "--tokenizer", "cut.json"), 65, "cut.json", "malformed JSON")
            expectRefusal(
                workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", "cut.json", "--output", "none"), 65,
                "cut.json")
            #expect(!FileSystem.exists(workshop.directory.file("none")))
            expectRefusal(
                workshop.dtrain("prepare", "--text", "text.txt", "--tokenizer", "bytebpe:261", "--output", "none"), 64,
                "at least 262")
        }

        @Test func preparesRecordsAndImages() throws {
            let workshop = try Workshop()
            func write(_ name: String, _ text: String) throws {
                try FileSystem.replaceContents(of: workshop.directory.file(name), with: text)
            }
            try write("a", "one\ntwo\n")
            try write("b", "un\ndeux\n")
            try write("l", "x\tone\ny\ttwo\n")
            try write("j", "{\"body\": \"one\"}\n{\"body\": \"two\"}\n")
            func prepare(_ words: String...) -> Job.Outcome {
                workshop.start(["prepare"] + words + ["--output", "of\(words[0])"]).finish()
            }
            let pairs = prepare("--parallel", "a", "b", "--tokenizer", "byte", "--validation-fraction", "0")
            expectFinished(pairs)
            #expect(pairs.output.contains("2 train and 0 validation records, vocabulary 262"))
            let labels = prepare("--labelled", "l", "--validation", "l", "--tokenizer", "byte")
            #expect(labels.output.contains("2 train and 2 validation records, 2 classes, vocabulary 262"))
            let documents = prepare("--jsonl", "j", "--field", "body", "--tokenizer", "byte", "--validation", "j")
            #expect(documents.output.contains("8 train and 8 validation tokens, vocabulary 262"))

            expectRefusal(prepare("--text", "a", "--jsonl", "j", "--tokenizer", "byte"), 64, "--text and --jsonl")
            expectRefusal(
                workshop.dtrain("prepare", "--tokenizer", "byte"), 64, "exactly one of --text, ", "--parallel")
            expectRefusal(prepare("--parallel", "a", "--tokenizer", "byte"), 64, "--parallel: found 1 file;", "TARGET")
            expectRefusal(
                prepare("--parallel", "a", "b", "--validation", "a", "--tokenizer", "byte"), 64, "--validation: found 1"
            )
            expectRefusal(prepare("--text", "a", "--tokenizer", "bpe"), 64, "found bpe", "bpe:8000")
            expectRefusal(prepare("--text", "a", "--tokenizer", "a.model"), 65, "a.model")
            expectRefusal(prepare("--text", "a", "--tokenizer", "bpe:300"), 64, "bpe:300", "Allowed: at most")
            expectRefusal(
                prepare("--text", "a", "--tokenizer", "byte", "--field", "x"), 64, "--field belongs to --jsonl")
            expectRefusal(
                prepare("--labelled", "l", "--labels", "some", "--tokenizer", "byte"), 64, "class, multi, number")
            expectRefusal(prepare("--images", "a", "--tokenizer", "byte"), 64, "--tokenizer applies to text only")
            expectRefusal(prepare("--images", "a"), 65, "a: not a directory")
            expectRefusal(
                prepare("--text", "a", "--tokenizer", "byte", "--validation", "0.2"), 64, "--validation-fraction 0.2")
            expectRefusal(
                prepare("--text", "a", "--tokenizer", "byte", "--validation", "a", "--validation-fraction", "0.2"), 64,
                "cannot be combined")
        }
    }
}
