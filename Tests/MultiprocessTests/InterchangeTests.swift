import Files
import Testing

extension MultiprocessTests {
    /// Export and import of models by the command line.
    @Suite struct InterchangeTests {
        /// A trained model makes the same predictions after export and import.
        @Test func exportedModelIsImportedUnchanged() throws {
            let workshop = try Workshop()
            workshop.train(ranks: 2)
            let exported = workshop.dtrain(
                "export", "--checkpoint", Workshop.checkpoint(24), "--format", "huggingface", "--output", "model")
            #expect(exported.exitCode == 0, "\(exported.errors)")
            #expect(exported.output.hasPrefix("model: GPT2LMHeadModel, "))
            #expect(
                workshop.names("model") == [
                    ".dtrain-export.json", "config.json", "generation_config.json", "model.safetensors",
                    "tokenizer.json",
                    "tokenizer_config.json",
                ])
            #expect(exported.output.contains("AutoTokenizer gives the token IDs of dtrain\n"))
            let imported = workshop.dtrain("import", "--from", "model", "--tokenizer", "byte", "--output", "back")
            #expect(imported.exitCode == 0, "\(imported.errors)")
            let checkpoint = Workshop.checkpoint(0, output: "back")
            #expect(imported.output.hasPrefix("\(checkpoint): GPT2LMHeadModel, "))
            #expect(
                try workshop.tensors(checkpoint, "model.safetensors")
                    == workshop.tensors(Workshop.checkpoint(24), "model.safetensors"))
            let scores = [
                workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(24)),
                workshop.dtrain("evaluate", "--checkpoint", checkpoint, "--data", "data", ranks: 2),
            ]
            #expect(scores.allSatisfy { $0.exitCode == 0 && $0.output.hasPrefix("validation loss ") })
            #expect(scores[0].output == scores[1].output)
            // As in transformers, an imported model chooses the most probable token.
            let generate = ["generate", "--prompt", "alpha", "--tokens", "40", "--checkpoint"]
            let text = workshop.start(generate + [Workshop.checkpoint(24), "--temperature", "0"]).finish().output
            let greedy = workshop.start(generate + [checkpoint]).finish()
            #expect(greedy.output == text && text.count > 40)
            #expect(greedy.errors.contains("settings that the model was imported with: --temperature 0. Options"))

            // Invalid uses of the export, and attempts to overwrite it.
            expectRefusal(
                workshop.start(Workshop.training(output: "back"), ranks: 2).finish(), 64,
                "was imported: it has no training run to resume", "fine_tuning.from=back/checkpoints/step-00000000")
            expectRefusal(
                workshop.dtrain("import", "--from", "model", "--output", "back"), 64, "back already holds a run")
            expectRefusal(
                workshop.dtrain(
                    "export", "--checkpoint", checkpoint, "--format", "huggingface", "--output", "back"), 64,
                "back holds LOCK, checkpoints")
        }

        /// A full disk, simulated by a limit on file sizes, leaves nothing that prevents the next attempt.
        @Test func failedImportOrExportCanBeRepeated() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=4")
            let export = "export --checkpoint \(Workshop.checkpoint(4)) --format huggingface --output model"
            for command in [export, "import --from model --tokenizer byte --output back"] {
                let words = "'\(Workshop.binary)' \(command)"
                let failed = Job(["bash", "-c", "ulimit -f 40; \(words)"], in: workshop.directory.path).finish()
                expectRefusal(failed, 74, "ulimit -f")
                #expect(workshop.names(command == export ? "model" : "back") == [])
                let repeated = Job(["bash", "-c", words], in: workshop.directory.path).finish()
                #expect(repeated.exitCode == 0, "\(repeated.errors)")
            }
        }

        /// Without a tokenizer, text is represented by token IDs.
        @Test func usesTokenIDsWithoutTokenizer() throws {
            let workshop = try Workshop()
            workshop.exportTrainedModel()
            try FileSystem.remove(workshop.directory.file("model/tokenizer.json"))
            workshop.dtrain("import", "--from", "model", "--output", "back")
            let checkpoint = Workshop.checkpoint(0, output: "back")
            let numbers = workshop.dtrain(
                "generate", "--checkpoint", checkpoint, "--prompt", "97 98", "--tokens", "3", "--temperature", "0")
            #expect(numbers.exitCode == 0, "\(numbers.errors)")
            #expect(numbers.output.hasPrefix("97 98 "))
            #expect(numbers.output.split(whereSeparator: \.isWhitespace).count == 5, "\(numbers.output)")
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", checkpoint, "--data", "data"), 64,
                "the dataset has the tokenizer byte", "the model no recorded tokenizer", "Import the model again",
                "--tokenizer byte, --tokenizer FILE (at most 256 tokens)")
        }

        /// The tokenizer of bytes has no file of its own: it is recognized by the file that is written for
        /// `transformers`.
        @Test func importUsesByteTokenizerOfExport() throws {
            let workshop = try Workshop()
            workshop.exportTrainedModel()
            let imported = workshop.dtrain("import", "--from", "model", "--output", "back")
            #expect(imported.output.contains("tokenizer byte"), "\(imported)")
            let evaluated = [Workshop.checkpoint(4), Workshop.checkpoint(0, output: "back")].map {
                workshop.dtrain("evaluate", "--checkpoint", $0, "--data", "data").output.split(separator: ",").first
            }
            #expect(evaluated[0] != nil && evaluated[0] == evaluated[1])
            // A damaged tokenizer with the same number of tokens is not mistaken for it.
            let path = workshop.directory.file("model/tokenizer.json")
            let text = String(decoding: try FileSystem.contents(of: path), as: UTF8.self)
            try FileSystem.replaceContents(of: path, with: text.replacing("\"A\": 65", with: "\"A\": 66"))
            expectRefusal(
                workshop.dtrain("import", "--from", "model", "--output", "other"), 65,
                #"the tokens "A" and "B" have the same number 66"#, "--tokenizer none")
        }

        @Test func rejectsImpossibleExports() throws {
            let workshop = try Workshop()
            workshop.train("training.steps=4", "model.positions=alibi")
            func export(_ words: String...) -> Job.Outcome {
                workshop.start(["export", "--output", "model"] + words, ranks: 2).finish()
            }
            let checkpoint = Workshop.checkpoint(4)
            expectRefusal(
                export("--checkpoint", checkpoint, "--format", "huggingface"), 64,
                "GPT2LMHeadModel, the nearest class of transformers, cannot represent this model",
                "model.positions: found alibi; allowed: learned")
            expectRefusal(
                export("--checkpoint", checkpoint, "--format", "onnx"), 64, "found onnx; allowed: huggingface")
            expectRefusal(export("--checkpoint", checkpoint), 64, "model.positions: found alibi; allowed: learned")
            expectRefusal(export("--checkpoint", "none"), 65, "none: there is no such file or directory")
            expectRefusal(
                workshop.dtrain("import", "--from", "none", "--output", "back", ranks: 2), 65, "none: no such directory"
            )
            #expect(workshop.names("model").isEmpty && workshop.names("back").isEmpty)
        }
    }
}
