import Files
import Testing

extension MultiprocessTests {
    /// Uses of a checkpoint after training: evaluation and generation.
    @Suite struct InferenceTests {
        private func trained() throws -> Workshop {
            let workshop = try Workshop()
            workshop.train(ranks: 2)
            return workshop
        }

        @Test func evaluationReproducesTrainersLoss() throws {
            let workshop = try trained()
            let lines = try workshop.metrics().filter { $0["step"]?.integerValue == 24 }
            let logged = lines.compactMap { $0["validation_loss"]?.doubleValue }
            let loss = try #require(logged.last)
            let expected = "validation loss \(Double(Int((loss * 10000).rounded())) / 10000)"
            for ranks in [nil, 1, 2, 3, 4] {
                let outcome = workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(24), ranks: ranks)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.hasPrefix(expected), "\(outcome.output)")
            }
            expectRefusal(
                workshop.dtrain("evaluate", "--checkpoint", Workshop.checkpoint(24), "--data", "none", ranks: 2), 65,
                "none")
        }

        @Test func generationDependsOnlyOnSeed() throws {
            let workshop = try trained()
            func generate(_ words: String...) -> String {
                let outcome = workshop.start(["generate", "--checkpoint", Workshop.checkpoint(24)] + words).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return outcome.output
            }
            // More tokens than the context has positions.
            let prompt = "größe → 𝛼"
            let first = generate("--prompt", prompt, "--tokens", "100")
            #expect(first.hasPrefix(prompt))
            #expect(first.utf8.count > prompt.utf8.count + 100)
            #expect(generate("--prompt", prompt, "--tokens", "100") == first)
            #expect(generate("--prompt", prompt, "--tokens", "100", "--seed", "2") != first)
            #expect(generate("--temperature", "0") == generate("--top-k", "1"))
            #expect(generate("--temperature", "0") == generate("--top-p", "0.000001"))
            #expect(generate("--temperature", "0", "--seed", "2") == generate("--temperature", "0"))
        }

        /// Attention, explanations and embeddings of a decoder, and the errors of their command lines.
        @Test func looksIntoModels() throws {
            let workshop = try trained()
            func look(_ command: String, _ words: String...) -> Job.Outcome {
                workshop.start([command, "--checkpoint", Workshop.checkpoint(24)] + words).finish()
            }
            let attention = look("attention", "--prompt", "the </script>", "--output", "map.html")
            #expect(attention.exitCode == 0 && attention.output.contains("13 × 13 tokens"), "\(attention.errors)")
            let page = try String(decoding: FileSystem.contents(of: workshop.directory.file("map.html")), as: UTF8.self)
            #expect(page.contains("the &lt;/script&gt;") && !page.contains("<script"))
            expectRefusal(look("attention", "--prompt", "a", "--output", "map.png"), 64, "--output: found map.png")
            expectRefusal(look("attention", "--output", "map.html"), 64, "--prompt is missing")
            expectRefusal(
                look("attention", "--prompt", "a", "--output", "none/map.html"), 64, "none/map.html")

            let explained = look("explain", "--prompt", "the", "--json", "--steps", "8")
            let object = try JSON(parsing: Array(explained.output.utf8), source: "explain")
            #expect(object["tokens"]?.arrayValue?.count == 3 && object["completeness_gap"]?.doubleValue != nil)
            expectRefusal(look("explain", "--prompt", ""), 64, "--prompt is empty")
            expectRefusal(look("explain", "--prompt", "a", "--class", "xyz"), 64, "cannot predict xyz")

            let near = look("embeddings", "--near", "t", "--count", "3")
            #expect(near.exitCode == 0 && near.output.split(separator: "\n").count == 3, "\(near.errors)")
            expectRefusal(look("embeddings", "--near", "größe"), 64, "does not have größe as one token")
            expectRefusal(look("embeddings"), 64, "found no task", "--near")
            expectRefusal(
                look("embeddings", "--near", "a", "--project", "pca"), 64, "--near and --project cannot be combined")
            expectRefusal(look("embeddings", "--project", "pca"), 64, "--output is missing")
            let projected = look("embeddings", "--project", "pca", "--count", "20", "--output", "map.tsv")
            #expect(projected.exitCode == 0, "\(projected.errors)")
            #expect(
                try FileSystem.contents(of: workshop.directory.file("map.tsv")).count { $0 == UInt8(ascii: "\n") } == 20
            )
        }

        @Test func generationRejectsInvalidOptions() throws {
            let workshop = try trained()
            let words = ["generate", "--checkpoint", Workshop.checkpoint(24)]
            expectRefusal(workshop.start(words + ["--prompt", ""]).finish(), 64, "--prompt is empty")
            expectRefusal(workshop.start(words + ["--top-p", "0"]).finish(), 64, "--top-p: found 0")
            expectRefusal(workshop.start(words + ["--tokens", "none"]).finish(), 64, "--tokens: found none")
            expectRefusal(
                workshop.dtrain("generate", "--checkpoint", "none", ranks: 2), 65,
                "none: there is no such file or directory")
        }
    }
}
