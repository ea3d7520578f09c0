import Files
import Optimizers
import TestSupport
import Testing

@testable import Settings

/// Defaults adapt to the keys that were given, and resolved configurations read back.
struct FittedDefaultTests {
    @Test(arguments: FamilyCase.all)
    func resolvedConfigurationReadsBack(family: FamilyCase) throws {
        for precision in Configuration.Precision.allCases {
            for kind in ScheduleConfiguration.Kind.allCases {
                for steps in [1, 20, 1200] {
                    for peak in [2e-3, 1e-5, 0] {
                        var sets = [
                            "precision=\(precision.rawValue)", "schedule.kind=\(kind.rawValue)",
                            "training.steps=\(steps)", "schedule.peak=\(peak)",
                        ]
                        if kind == .warmupStableDecay { sets.append("schedule.decay_steps=\(steps)") }
                        if kind == .step { sets.append("schedule.step_size=1") }
                        if precision == .float16 { sets.append("loss_scale.initial=33554432") }
                        let configuration = try Configuration.load(file: nil, sets: family.sets + sets)
                        let again = try Configuration.parse(configuration.resolvedYAML, name: "config.yaml")
                        #expect(again == configuration, "\(sets)")
                    }
                }
            }
        }
    }

    @Test func defaultsAdaptToGivenValues() throws {
        func load(_ sets: String...) throws -> Configuration { try Configuration.load(file: nil, sets: sets) }
        #expect(try load("training.steps=20").schedule.warmupSteps == 20)
        let decaying = ["schedule.kind=warmup_stable_decay", "schedule.decay_steps=1190"]
        #expect(try load(decaying[0], decaying[1]).schedule.warmupSteps == 10)
        #expect(try load("schedule.peak=1e-5").schedule.floor == 1e-5 / 10)
        #expect(try load("schedule.peak=0").schedule.floor == 0)
        #expect(try load("precision=float16", "loss_scale.initial=33554432").lossScale.ceiling == 33_554_432)
        // With this kind of schedule, the minimum learning rate is not used.
        #expect(try load("schedule.kind=constant", "schedule.peak=0").schedule.floor == ScheduleConfiguration().floor)
    }

    /// `--set training.steps` limits a warm-up that a file gives, with a note; values from the same place are compared.
    @Test func stepsOnCommandLineShortenWarmUpOfFile() throws {
        let directory = TemporaryDirectory()
        let file = directory.file("c.yaml")
        try FileSystem.replaceContents(
            of: file, with: "schedule: {warmup_steps: 100}\ntraining: {steps: 2000}\n")
        func load(_ sets: String...) throws -> (steps: Int, warnings: [String]) {
            let loaded = try Configuration.loadRun(file: file, sets: sets, directory: nil, continues: false)
            #expect(try Configuration.load(file: file, sets: sets) == loaded.configuration)
            return (loaded.configuration.schedule.warmupSteps, loaded.warnings)
        }
        let shortened = try load("training.steps=40")
        #expect(shortened.steps == 40)
        #expect(
            shortened.warnings == [
                "schedule.warmup_steps is 40 instead of 100 (\(file):1:26), because --set training.steps is 40."
            ])
        for steps in [100, 150, 3000] {
            let loaded = try load("training.steps=\(steps)")
            #expect(loaded.steps == 100 && loaded.warnings == [])
        }
        for sets in [["training.steps=40", "schedule.warmup_steps=41"], ["schedule.warmup_steps=2001"]] {
            expectFailure(.usage, "schedule.warmup_steps: found ", "allowed: at most training.steps") {
                _ = try Configuration.load(file: file, sets: sets)
            }
        }
        try FileSystem.replaceContents(of: file, with: "schedule: {warmup_steps: 100}\ntraining: {steps: 40}\n")
        expectFailure(.usage, "\(file):1:26: schedule.warmup_steps: found 100; allowed: at most training.steps (40)") {
            _ = try Configuration.load(file: file, sets: ["run.seed=1"])
        }
    }

    /// A recorded value of a key that is not used is ignored in comparisons, however it was written.
    @Test func unusedRecordedValuesAreNotCompared() throws {
        for text in [
            "loss_scale: {initial: 33554432}", "loss_scale: {initial: 33554432, ceiling: 16777216}",
            "schedule: {kind: constant, peak: 1e-5, floor: 1e-4}",
        ] {
            let recorded = try Configuration.parse(text, name: "manifest", isRecorded: true)
            let again = try Configuration.parse(recorded.resolvedYAML, name: "manifest", isRecorded: true)
            #expect(again == recorded)
        }
        expectFailure(.usage, "c.yaml:1:23: loss_scale.initial: found 33554432.0; allowed: 65536.0 (the default)") {
            _ = try Configuration.parse("loss_scale: {initial: 33554432}", name: "c.yaml")
        }
    }
}
