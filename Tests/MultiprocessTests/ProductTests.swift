import TestSupport
import Testing

extension MultiprocessTests {
    /// The arithmetic of matmuls: the key `products` and the limit `DTRAIN_KERNELS`.
    @Suite struct ProductTests {
        private static let steps = "training.steps=4"

        private func digest(
            _ workshop: Workshop, _ sets: [String], _ environment: [String: String] = [:], output: String
        ) -> String {
            let words = Workshop.training([ProductTests.steps, "model.dropout=0.1"] + sets, output: output)
            let outcome = workshop.start(words, ranks: 2, environment: environment).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            return workshop.digest(output, step: 4)
        }

        /// Reproducible products have the same bits with the instructions of every CPU, and on every CPU: the digests were
        /// computed on one with AVX2 only (AMD Zen 3). A change that is meant to round differently brings new ones.
        @Test(arguments: [
            ("float32", "7f57d710e02ff5f600efdb30fa92531b"), ("float16", "958301b9aad78896892ae1037288bc69"),
            ("bfloat16", "3c86c9382cc2a4569683d37dce643aca"),
        ])
        func reproducibleRunsHaveOneDigest(precision: String, known: String) throws {
            let workshop = try Workshop()
            let sets = ["precision=\(precision)", "products=reproducible"]
            let whole = digest(workshop, sets, output: "whole")
            #expect(whole == known)
            for limit in ["avx2", "avx512"] {
                #expect(digest(workshop, sets, ["DTRAIN_KERNELS": limit], output: limit) == whole, "\(limit)")
            }
        }

        /// If a rank has fewer instructions than the others, all use what it has.
        @Test func ranksSettleOnOneArithmetic() throws {
            let workshop = try Workshop()
            let reproducible = digest(workshop, ["precision=bfloat16", "products=reproducible"], output: "whole")
            let words = Workshop.training(
                [
                    ProductTests.steps, "model.dropout=0.1", "precision=bfloat16", "products=fastest",
                ], output: "mixed")
            let program = [Workshop.binary] + words
            let outcome = Job(
                ["mpirun", "-np", "1"] + program + [":", "-np", "1", "env", "DTRAIN_KERNELS=avx2"] + program,
                in: workshop.directory.path
            ).finish()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("bfloat16, reproducible products, "), "\(outcome.output)")
            #expect(outcome.output.contains("products: nothing is faster than the reproducible products here"))
            #expect(workshop.digest("mixed", step: 4) == reproducible)
        }
    }
}
