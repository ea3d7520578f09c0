import Collectives
import Datasets
import Files
import Numbers
import Optimizers
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Inference
@testable import Settings

/// Every configuration key, including ones added later, either changes the results of a tiny run or is rejected.
struct KeyUseTests {
    /// The results of a run, or the failure that prevents it.
    private enum Outcome: Equatable {
        case trained(layout: String, state: String, numbers: [UInt64], weights: String)
        case failed(String)
    }

    /// Keys that are used, but have no effect in a tiny run; they have their own tests: `FineTuningTests`,
    /// `CoordinatorTests`, `MixtureTests`, `SpikeTests`.
    private static let elsewhere = [
        "data.mixture", "fine_tuning.from", "optimizer.groups", "products", "training.spike_action",
    ]

    /// Additional values, for keys whose example values may have no effect in a tiny run.
    private static let furtherValues: [String: [String]] = [
        "data.context_length": ["24", "40"], "model.width": ["64"], "model.vocabulary_size": ["300"],
        "batch.sequences": ["16"], "batch.slots": ["2"], "optimizer.clip_norm": ["1e-3"],
        "optimizer.clip_value": ["1e-5"], "optimizer.epsilon": ["1e-3"],
    ]

    /// Keys of all runs here: few steps, and learning rates that the schedule changes.
    private static let tiny = [
        "training.steps=6", "batch.sequences=8", "batch.slots=4", "averaging.strategy=allreduce",
    ]

    // MARK: Runs

    /// Trains six steps and evaluates, without the configuration's checks.
    private func outcome(_ configuration: Configuration) -> Outcome {
        do {
            return switch configuration.precision {
            case .float32: try train(configuration, Float.self)
            case .float16: try train(configuration, Float16.self)
            case .bfloat16: try train(configuration, BFloat16.self)
            }
        } catch let failure as AgreedFailure {
            return .failed(failure.failure.message)
        } catch {
            return .failed("\(error)")
        }
    }

    private func train<Element: Storage>(_ configuration: Configuration, _: Element.Type) throws -> Outcome {
        let communicator = SoloCommunicator()
        let data = try TrainingData(configuration, communicator)
        let coordinator = try Coordinator<Element>(configuration, data.sizes, plan: data.plan, communicator)
        let reader = try BatchReader(
            data.training, plan: data.plan, seed: UInt64(configuration.run.seed),
            poolBatches: configuration.data.lengthPool)
        var numbers: [UInt64] = []
        for _ in 0..<6 {
            let report = try coordinator.train(try reader.next(), stopRequested: false)
            numbers += [report.loss.bitPattern, report.learningRate.bitPattern, UInt64(report.tokens)]
        }
        let batches = EvaluationBatches(
            try #require(data.validation), sequencesPerBatch: data.plan.sequencesPerSlot,
            seed: UInt64(configuration.run.seed))
        let scores = try coordinator.withAveragedWeights {
            try coordinator.replica.forwardPass.scores(of: batches, batches.makeBatch(), communicator)
        }
        numbers += scores.named.map(\.value.bitPattern)
        let base = coordinator.averaging.weights.base
        var weights = Digest()
        for parameter in coordinator.layout.parameters {
            let values = UnsafeBufferPointer(start: base + parameter.offset, count: parameter.count)
            weights.update(UnsafeRawBufferPointer(values))
        }
        let state = "\(coordinator.scaler as Any) \(coordinator.lossTrend?.state as Any) \(data.training.shape)"
        return .trained(
            layout: coordinator.layout.digest(), state: state, numbers: numbers, weights: weights.hexadecimal())
    }

    // MARK: Keys

    /// Compares for each of `keys` whether the configuration rejects it with whether it changes runs of `base`.
    private func check(_ base: Configuration, _ name: String, _ keys: [ConfigurationKey<Configuration>]) throws {
        let trained = outcome(base)
        if case .failed(let message) = trained { Issue.record("\(name): \(message)") }
        for key in keys where key.affectsTrajectory {
            var values = key.examples.map { example in
                var other = base
                example(&other)
                return other
            }
            for value in KeyUseTests.furtherValues[key.path] ?? [] {
                var other = base
                let node = try YAMLReader.document(Array(value.utf8), from: .argument(value))
                try key.read(node, &other)
                values.append(other)
            }
            values = values.filter { key.text($0) != key.text(base) }
            let fitting = values.filter { other in ConfigurationCheck.all.allSatisfy { $0.allowed(other) == nil } }
            if KeyUseTests.elsewhere.contains(key.path) { continue }
            // Two values may mean the same, for example `auto` and the kind that it selects.
            let effective = EffectiveConfiguration(base)
            let others = Dictionary(grouping: fitting) { EffectiveConfiguration($0) == effective }
            let (same, different) = (others[true] ?? [], others[false] ?? [])
            let isSeen = different.contains { outcome($0) != trained }
            #expect(isSeen || different.isEmpty, "\(name): \(key.path) is said to be read, and changes nothing")
            let isRead = base.reads(key)
            // A few updates may not distinguish all numeric options of an optimizer.
            for other in same where !isRead || key.section != "optimizer" {
                let value = key.text(other)
                #expect(outcome(other) == trained, "\(name): \(key.path)=\(value) changes what a run does")
                if !isRead, ![key.text(Configuration()), "0", "0.0"].contains(value) {
                    expectFailure(.usage, "c.yaml:", ": \(key.path): found \(value); allowed: ", " (the default)") {
                        _ = try Configuration.parse(other.resolvedYAML, name: "c.yaml")
                    }
                }
            }
        }
    }

    @Test(arguments: FamilyCase.all + [.chat])
    func everyKeyOfEveryFamilyIsUsedOrRejected(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        defer { withExtendedLifetime(workshop) {} }
        var shorter: [String] = []
        // Some records of these datasets are longer than this context.
        if case .labelled = family.data { shorter = ["data.context_length=16", "data.truncate=true"] }
        if family.data == .chat { shorter = ["data.context_length=120"] }
        try check(workshop.configuration(KeyUseTests.tiny + shorter), family.name, Configuration.keys)
    }

    /// Sections whose keys depend on a kind or on the precision, with the keys that choose it.
    private static let kinds: [(section: String, sets: [String])] = {
        let optimizers = OptimizerConfiguration.Kind.allCases.map {
            ("optimizer", ["optimizer.kind=\($0.rawValue)", "optimizer.weight_decay=0"])
        }
        let needs: [ScheduleConfiguration.Kind: [String]] = [
            .warmupStableDecay: ["schedule.decay_steps=4"], .step: ["schedule.step_size=1"],
        ]
        let schedules = ScheduleConfiguration.Kind.allCases.map {
            ("schedule", ["schedule.kind=\($0.rawValue)", "schedule.floor=0"] + (needs[$0] ?? []))
        }
        let others = [
            // Two decays, so that the learning rate reaches the floor.
            ("schedule", ["schedule.kind=step", "schedule.milestones=[3, 4]"]), ("loss_scale", ["precision=float16"]),
            ("averaging", ["precision=float16"]), ("training", ["training.spike_zscore=3"]),
        ]
        return optimizers + schedules + others
    }()

    @Test(arguments: kinds)
    func everyKeyOfEveryKindIsUsedOrRejected(section: String, sets: [String]) throws {
        let workshop = try FamilyWorkshop(FamilyCase.all[0])
        defer { withExtendedLifetime(workshop) {} }
        let keys = Configuration.keys.filter { $0.section == section }
        #expect(!keys.isEmpty)
        try check(workshop.configuration(KeyUseTests.tiny + sets), sets.joined(separator: " "), keys)
    }

    /// Keys outside the trajectory that depend on other keys.
    @Test func keysOutsideTrajectoryAreUsedOrRejected() throws {
        for (sets, key) in [
            (["training.min_delta=0.1"], "training.min_delta"), (["fine_tuning.load=[\"a\"]"], "fine_tuning.load"),
            (["fine_tuning.skip=[\"a\"]"], "fine_tuning.skip"),
            (["training.spike_action=stop"], "training.spike_action"),
        ] {
            expectFailure(.usage, "--set \(key)", "the key has an effect only with other values of ") {
                _ = try Configuration.load(file: nil, sets: sets)
            }
        }
        for sets in [
            ["training.min_delta=0.1", "training.patience=2"], ["fine_tuning.load=[\"a\"]", "fine_tuning.from=x"],
            ["training.spike_action=stop", "training.spike_zscore=6"],
        ] {
            // Not `load`, which would open the checkpoint.
            var reader = ConfigurationReader()
            for set in sets { try reader.apply(set: set) }
            _ = try reader.checked()
        }
    }

    /// A number that bounds, scales or cancels another does not make that key unused; only a value that switches a
    /// feature off does.
    @Test func onlySwitchesMakeOtherKeysUnused() throws {
        let switches: Set<[String]> = [
            ["training.patience", "training.min_delta"], ["training.spike_zscore", "training.spike_action"],
            ["fine_tuning.from", "fine_tuning.load"], ["fine_tuning.from", "fine_tuning.skip"],
            ["fine_tuning.from", "fine_tuning.lora"],
            ["schedule.step_size", "schedule.milestones"], ["training.tensorboard", "training.histograms_every"],
        ]
        let common = [
            "training.patience=2", "training.spike_zscore=3", "fine_tuning.from=x", "schedule.milestones=[4]",
        ]
        let bases =
            FamilyCase.all.map(\.sets) + [["precision=float16"]]
            + ScheduleConfiguration.Kind.allCases.map { ["schedule.kind=\($0.rawValue)"] }
            + OptimizerConfiguration.Kind.allCases.map { ["optimizer.kind=\($0.rawValue)"] }
        for sets in bases {
            var reader = ConfigurationReader()
            for set in common + sets { try reader.apply(set: set) }
            let base = reader.configuration
            let read = Configuration.keys.filter { base.reads($0) }
            for other in Configuration.keys where !other.isChoice {
                for example in other.examples {
                    var changed = base
                    example(&changed)
                    for key in read where key.path != other.path && !switches.contains([other.path, key.path]) {
                        #expect(
                            changed.reads(key), "\(sets): \(key.path) where \(other.path) is \(other.text(changed))")
                    }
                }
            }
        }
    }

    // MARK: Messages and existing runs

    @Test(arguments: [
        (
            "model: {pooling: mean}",
            "c.yaml:1:18: model.pooling: found mean; allowed: first (the default) if model.family"
        ),
        ("model: {pooling: mean}", "is decoder; only classifier, image_classifier use it"),
        ("model: {patch_size: 8}", "model.patch_size: found 8; allowed: 4 (the default) if model.family is decoder"),
        ("model: {share_embeddings: false}", "if model.family is decoder; only encoder_decoder uses it"),
        ("model: {rotary_base: 500}", "if model.positions is learned; only rotary uses it"),
        ("objective: {mask_share: 0.3}", "if model.family is decoder; only encoder, prefix_decoder use it"),
        ("objective: {span_length: 2}", "if model.family is decoder; only prefix_decoder uses it"),
        ("data: {truncate: true}", "if model.family is decoder; only encoder_decoder, classifier use it"),
        ("model: {family: classifier, tie_embeddings: false}", "c.yaml:1:45: model.tie_embeddings: found false"),
        ("model: {family: classifier, share_embeddings: false}", "model.share_embeddings: found false; allowed: true"),
        ("model: {family: image_classifier, normalize_embeddings: true}", "model.normalize_embeddings: found true"),
        ("model: {family: image_classifier, scale_embeddings: true}", "model.scale_embeddings: found true; allowed"),
        ("model: {family: image_classifier, vocabulary_size: 300}", "model.vocabulary_size: found 300; allowed: 0"),
        ("model: {family: image_classifier}\ndata: {context_length: 64}", "c.yaml:2:24: data.context_length: found 64"),
        (
            "training: {tensorboard: false, histograms_every: 5}",
            "training.histograms_every: found 5; allowed: 0 (the default) if training.tensorboard is false"
        ),
        ("loss_scale: {hysteresis: 3}", "if precision is float32; only float16 uses it"),
        ("schedule: {kind: constant, floor: 1e-5}", "schedule.floor: found 1e-05; allowed: 0.0001 (the default) if"),
        ("averaging: {strategy: shared_memory, wire: float16}", "if averaging.strategy is shared_memory; only auto"),
        ("averaging: {wire: float16}\nprecision: float16", "if precision is float16; only float32 uses it"),
    ])
    func rejectedKeysNameTheReason(text: String, expected: String) {
        expectFailure(.usage, expected) { _ = try Configuration.parse(text, name: "c.yaml") }
    }

    /// A schedule that does not use the floor does not compare it with the peak.
    @Test func unusedFloorIsAccepted() throws {
        let configuration = try Configuration.parse("schedule: {kind: constant, peak: 1e-5}", name: "c.yaml")
        #expect(configuration.schedule.peak == 1e-5)
        #expect(configuration.schedule.floor == ScheduleConfiguration().floor)
    }

    /// Runs of earlier versions can resume, whether or not the user's file still contains the key.
    @Test func runsWithUnusedKeysResume() throws {
        let directory = TemporaryDirectory()
        let run = directory.file("run")
        var old = Configuration()
        old.model.pooling = .mean
        try FileSystem.makeDirectory(run)
        try FileSystem.replaceContents(of: "\(run)/config.yaml", with: old.resolvedYAML)

        func load(_ value: String, continues: Bool = true) throws -> [String] {
            try Configuration.loadRun(
                file: nil, sets: ["model.pooling=\(value)"], directory: run, continues: continues
            ).warnings
        }
        let warnings = try load("mean")
        #expect(warnings.count == 1 && warnings[0].contains("model.pooling: found mean"), "\(warnings)")
        #expect(try load("first").isEmpty)
        expectFailure(.usage, "model.pooling: found dense") { _ = try load("dense") }
        expectFailure(.usage, "model.pooling: found mean") { _ = try load("mean", continues: false) }

        // A checkpoint with a value for such a key is accepted, and the value has no effect.
        let recorded = try Configuration.parse(old.resolvedYAML, name: "manifest", isRecorded: true)
        #expect(recorded == old)
        #expect(Configuration().trajectoryDifferences(from: recorded).isEmpty)
        var classifier = old
        classifier.model.family = .classifier
        #expect(classifier.trajectoryDifferences(from: recorded).map(\.key) == ["model.family"])
    }
}
