import Texts
import Files
import Testing

extension MultiprocessTests {
    /// Float16 with dynamic loss scaling.
    @Suite struct PrecisionTests {
        /// If a gradient overflows Float16, all ranks skip the step, and the scale falls until it fits.
        @Test func allRanksSkipOverflows() throws {
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
            // Each line gives the reason for the skip, and the number of skipped steps so far.
            var skips = 0
            for line in lines {
                let skipped = line["gradient_norm"] == .null
                skips += skipped ? 1 : 0
                #expect(line["skipped"]?.stringValue == (skipped ? "overflow" : nil))
                #expect(line["skipped_steps"]?.integerValue == skips)
            }
            let last = try #require(lines.last)
            #expect(last["gradient_norm"]?.doubleValue != nil, "the last step was skipped too")
            for ranks in [2, 4] {
                #expect(workshop.digest("run-\(ranks)") == workshop.digest("run-1"))
                #expect(try workshop.losses("run-\(ranks)") == workshop.losses("run-1"))
            }
        }

        /// A run that never updates its weights fails, however few steps it has.
        @Test func runWithoutUpdatesFails() throws {
            let workshop = try Workshop()
            let sets = [
                "precision=float16", "loss_scale.initial=4294967296", "loss_scale.floor=4294967296", "training.steps=8",
                "schedule.warmup_steps=2",
            ]
            expectRefusal(
                workshop.start(Workshop.training(sets), ranks: 2).finish(), 70,
                "none of the 8 steps updated the weights",
                "nothing was learned")
            let path = workshop.directory.file("run/outcome.json")
            let outcome = try JSON(parsing: try FileSystem.contents(of: path), source: path)
            #expect(outcome["outcome"]?.stringValue == "failed")
        }

        /// A run whose last steps are all skipped fails too; earlier skips do not matter.
        @Test(arguments: [("23..24", 0), ("21..24", 70)])
        func runWithSkippedLastStepsFails(steps: String, exitCode: Int32) throws {
            let workshop = try Workshop()
            let numbers = steps.exactParts(at: ".", omittingEmpty: true).compactMap { Int($0) }
            let faults = ([5] + Array(numbers[0]...numbers[1])).map { "nan rank=0 step=\($0)" }.joined(separator: ";")
            let outcome = workshop.start(Workshop.training(), ranks: 2, environment: ["DTRAIN_FAULT": faults]).finish()
            #expect(outcome.exitCode == exitCode, "\(outcome.errors)")
            #expect(outcome.errors.contains("the last 4 steps were skipped") == (exitCode == 70), "\(outcome.errors)")
        }

        /// If every further step is skipped, the state before is saved once: a restart fails at the same step and saves
        /// nothing new, so that a supervisor gives up.
        @Test func savesStateBeforeEndlessSkips() throws {
            let workshop = try Workshop()
            let faults = (6...60).map { "nan rank=1 step=\($0)" }.joined(separator: ";")
            let sets = ["training.checkpoint_every=100", "training.evaluate_every=100"]
            for _ in 0..<2 {
                let outcome = workshop.start(
                    Workshop.training(sets), ranks: 2, environment: ["DTRAIN_FAULT": faults]
                ).finish()
                expectRefusal(outcome, 70, "step 16, all ranks: the gradient of ", "for 11 steps in a row")
                #expect(workshop.names("run/checkpoints") == ["step-00000015"])
            }
            // Without the fault, the run continues from there.
            #expect(workshop.start(Workshop.training(sets), ranks: 2).finish().exitCode == 0)
        }
    }
}
