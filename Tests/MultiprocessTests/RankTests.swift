import Testing

extension MultiprocessTests {
    /// The number of ranks and the averaging strategy change no bit of the results.
    @Suite struct RankTests {
        @Test(arguments: ["float32", "float16", "bfloat16"])
        func digestDoesNotDependOnRanksOrStrategy(precision: String) throws {
            let workshop = try Workshop()
            workshop.train("precision=\(precision)")
            let (digest, losses) = (workshop.digest(), try workshop.losses())
            #expect(losses.map(\.step) == Array(1...24))
            // The precisions take turns with the combinations that differ least from others.
            let strategies =
                precision == "float32"
                ? [(1, "shared_memory"), (2, "shared_memory"), (4, "allreduce"), (8, "shared_memory")]
                : [(2, "allreduce"), (4, "shared_memory"), (8, precision == "float16" ? "allreduce" : "shared_memory")]
            for (ranks, strategy) in strategies {
                let output = "\(strategy)-\(ranks)"
                workshop.train(
                    "precision=\(precision)", "averaging.strategy=\(strategy)", ranks: ranks, output: output)
                #expect(workshop.digest(output) == digest, "\(output)")
                #expect(try workshop.losses(output) == losses, "\(output)")
            }
            // Ranks on several nodes: the same number on each, three and one, and not next to each other.
            for nodes in precision == "float16" ? ["0,0,1,1", "0,0,0,1", "0,1,0,1"] : ["0,0,0,1"] {
                let words = Workshop.training(["precision=\(precision)"], output: nodes)
                let outcome = workshop.start(words, ranks: 4, environment: ["DTRAIN_NODES": nodes]).finish()
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.output.contains("averaging hierarchical"), "\(outcome.output)")
                #expect(workshop.digest(nodes) == digest, "\(nodes)")
                #expect(try workshop.losses(nodes) == losses, "\(nodes)")
            }
        }

        /// Communicating gradients in 16 bits gives different results, which are identical for any number of ranks and
        /// nearly as good.
        @Test(arguments: [("float16", [1, 2, 4, 8], 1e-3), ("bfloat16", [2, 4], 4e-3)])
        func roundedGradientsDoNotDependOnRanks(type: String, rankCounts: [Int], difference: Double) throws {
            let workshop = try Workshop()
            workshop.train(output: "exact")
            let wire = "averaging.wire=\(type)"
            workshop.train(wire)
            let digest = workshop.digest()
            #expect(digest != workshop.digest("exact"))
            for ranks in rankCounts {
                let strategy = "averaging.strategy=" + (ranks == 4 ? "auto" : "allreduce")
                workshop.train(wire, strategy, ranks: ranks, output: "run-\(ranks)")
                #expect(workshop.digest("run-\(ranks)") == digest, "\(ranks)")
            }
            let words = Workshop.training([wire], output: "nodes")
            _ = workshop.start(words, ranks: 4, environment: ["DTRAIN_NODES": "0,0,0,1"]).finish()
            #expect(workshop.digest("nodes") == digest)
            let (rounded, exact) = (try workshop.losses(), try workshop.losses("exact"))
            for (one, other) in zip(rounded, exact) {
                #expect(abs(Double(bitPattern: one.bits) / Double(bitPattern: other.bits) - 1) < difference)
            }
        }

        @Test func digestDoesNotDependOnRecomputation() throws {
            let workshop = try Workshop()
            workshop.train("training.recompute=none")
            for kind in ["attention", "block"] {
                workshop.train("training.recompute=\(kind)", ranks: 2, output: kind)
                #expect(workshop.digest(kind) == workshop.digest(), "\(kind)")
            }
        }

        @Test func digestIsEqualForFurtherRankCounts() throws {
            let workshop = try Workshop()
            let sets = ["batch.slots=6", "batch.sequences=12"]
            workshop.train(sets[0], sets[1])
            workshop.train(sets[0], sets[1], "averaging.wire=float16", output: "rounded")
            workshop.train(sets[0], sets[1], "averaging.wire=float16", ranks: 3, output: "rounded-3")
            #expect(workshop.digest("rounded-3") == workshop.digest("rounded"))
            for ranks in [3, 5, 6] {
                for strategy in ["shared_memory", "allreduce"] {
                    let output = "\(strategy)-\(ranks)"
                    workshop.train(sets[0], sets[1], "averaging.strategy=\(strategy)", ranks: ranks, output: output)
                    #expect(workshop.digest(output) == workshop.digest(), "\(output)")
                }
            }
        }

        /// The same without clipping, dropout, biases and tied embeddings, and with a single bucket.
        @Test func digestDoesNotDependOnRanksWithMinimalOptions() throws {
            let workshop = try Workshop()
            let sets = [
                "model.dropout=0", "model.bias=false", "model.tie_embeddings=false", "optimizer.clip_norm=0",
                "optimizer.clip_value=0", "averaging.bucket_bytes=268435456", "averaging.strategy=allreduce",
            ]
            for ranks in [1, 2, 4] {
                let job = workshop.start(Workshop.training(sets, output: "run-\(ranks)"), ranks: ranks)
                #expect(job.finish().exitCode == 0)
            }
            #expect(workshop.digest("run-2") == workshop.digest("run-1"))
            #expect(workshop.digest("run-4") == workshop.digest("run-1"))
        }
    }
}
