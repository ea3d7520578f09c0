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
