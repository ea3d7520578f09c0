import Testing

extension MultiprocessTests {
    /// Float16 with a dynamic loss scale.
    @Suite struct PrecisionTests {
        /// A gradient that overflows Float16 costs a step on all ranks alike, and the scale falls until it fits.
        @Test func overflowsAreSkippedTogether() throws {
            let workshop = try Workshop()
            let sets = ["precision=float16", "loss_scale.initial=4294967296", "loss_scale.hysteresis=2"]
            for ranks in [1, 2, 4] {
                let outcome = workshop.train(sets[0], sets[1], sets[2], ranks: ranks, output: "run-\(ranks)")
                #expect(outcome.output.contains("step 1: skipped, the gradient of "), "\(outcome.output)")
                #expect(outcome.output.contains("at loss scale 4294967296; the scale is now 4294967296"))
                #expect(outcome.output.contains("at loss scale 4294967296; the scale is now 2147483648"))
            }
            let lines = try workshop.metrics("run-1").filter { $0["loss"] != nil }
            let scales = lines.compactMap { $0["loss_scale"]?.doubleValue }
            #expect(scales.count == 24)
            #expect(scales.first == 4_294_967_296)
            for (line, (before, after)) in zip(lines, zip(scales, scales.dropFirst())) {
                let skipped = line["gradient_norm"] == .null
                #expect(after == before || skipped && after == before / 2)
            }
            let last = try #require(lines.last)
            #expect(last["gradient_norm"]?.doubleValue != nil, "the last step was skipped too")
            for ranks in [2, 4] {
                #expect(workshop.digest("run-\(ranks)") == workshop.digest("run-1"))
                #expect(try workshop.losses("run-\(ranks)") == workshop.losses("run-1"))
            }
        }
    }
}
