import Files
import Testing

extension MultiprocessTests {
    /// `bench` measures the model of the configuration and its dataset.
    @Suite struct BenchTests {
        private func bench(_ workshop: Workshop, _ words: [String], ranks: Int? = nil) throws -> JSON {
            let outcome = workshop.start(["bench"] + words + ["--json", "--repeat", "1"], ranks: ranks).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            return try JSON(parsing: Array(outcome.output.utf8), source: "bench")
        }

        @Test func benchUsesVocabularyOfDataset() throws {
            let workshop = try Workshop()
            let prepared = workshop.dtrain(
                "prepare", "--text", "text.txt", "--tokenizer", "bpe:320", "--output", "data320")
            #expect(prepared.exitCode == 0, "\(prepared.errors)")
            let set = ["--config", "tiny.yaml", "--set", "data.directory=data320"]
            for (words, ranks) in [
                (["step"], 2), (["average"], 2), (["gemm"], nil), (["kernels"], nil), (["generation"], nil),
            ]
                as [([String], Int?)]
            {
                let result = try bench(workshop, words + set, ranks: ranks)
                #expect(result["vocabulary_size"]?.integerValue == 320, "\(words)")
                #expect(result["dataset"]?.stringValue == "data320", "\(words)")
            }
            // The all-reduced gradient includes the embedding of that vocabulary.
            let large = try bench(workshop, ["average"] + set)
            let small = try bench(workshop, ["average", "--config", "tiny.yaml", "--set", "data.directory=none"])
            #expect(small["vocabulary_size"]?.integerValue == 256 && small["dataset"] == .null)
            #expect((large["bytes"]?.integerValue ?? 0) - (small["bytes"]?.integerValue ?? 0) == 64 * 32 * 4)

            // A dataset of another kind is not used, and the table says so.
            let other = workshop.dtrain(
                "bench", "gemm", "--repeat", "1", "--config", "tiny.yaml", "--set", "model.family=classifier")
            #expect(
                other.output.hasPrefix("vocabulary 256, synthetic data: data is a dataset of kind text"),
                "\(other.output)")
        }
    }
}
