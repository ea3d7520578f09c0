import Failures
import Files
import Optimizers
import Testing

@testable import Settings

/// The path of a file in the repository.
private func repository(_ path: String) -> String {
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/" + path
}

@Suite struct ConfigurationTests {
    /// A default that conflicts with given values is adjusted; given values are only checked.
    @Test(arguments: [
        (["training.steps=20"], "schedule.warmup_steps", "20"),
        (["training.steps=61"], "schedule.warmup_steps", "60"),
        (
            ["training.steps=50", "schedule.kind=warmup_stable_decay", "schedule.decay_steps=15"],
            "schedule.warmup_steps", "35"
        ),
        (["training.steps=5", "schedule.kind=noam"], "schedule.warmup_steps", "5"),
        (["schedule.peak=5e-5"], "schedule.floor", "5e-06"), (["schedule.peak=1e-4"], "schedule.floor", "0.0001"),
        (["schedule.peak=0"], "schedule.floor", "0.0"),
    ])
    func defaultsAdaptToGivenValues(sets: [String], key: String, value: String) throws {
        let configuration = try Configuration.load(file: nil, sets: sets)
        #expect(try configuration.value(of: key) == value)
        // The resolved configuration contains the adjusted value and reads back as the same configuration.
        #expect(try Configuration.parse(configuration.resolvedYAML, name: "resolved") == configuration)
        #expect(throws: Failure.self) {
            _ = try Configuration.load(file: nil, sets: sets + ["schedule.warmup_steps=62", "training.steps=61"])
        }
    }

    @Test func quickstartFileListsTheDefaults() throws {
        let file = repository("configs/quickstart.yaml")
        #expect(try Configuration.load(file: file) == Configuration())
        #expect(try Configuration.load(file: nil) == Configuration())

        // The file lists every key, in the order of the resolved configuration.
        let spelled = try keyPaths(FileSystem.contents(of: file))
        #expect(spelled == Configuration.keys.map(\.path))
    }

    @Test func committedConfigurationsAreValid() throws {
        let directory = repository("configs")
        let files = try FileSystem.list(directory).filter { $0.hasSuffix(".yaml") }
        #expect(files.count >= 3)
        for file in files { _ = try Configuration.load(file: "\(directory)/\(file)") }

        let nano = try Configuration.load(file: repository("configs/nano.yaml"))
        #expect(nano.model.layers == 6 && nano.model.headWidth == 64 && nano.model.hiddenWidth == 1536)
        #expect(nano.data.contextLength == 256 && nano.batch.sequences == 16 && nano.training.steps == 2000)
        let gpt2 = try Configuration.load(file: repository("configs/gpt2-124m.yaml"))
        #expect(gpt2.model.layers == 12 && gpt2.model.width == 768 && gpt2.model.vocabularySize == 50304)
        #expect(gpt2.schedule.peak == 6e-4 && gpt2.schedule.floor == 6e-5 && gpt2.schedule.warmupSteps == 700)
    }

    @Test func readsJSON() throws {
        let json = #"""
            {"model":{"layers":2,"dropout":1e-1,"tie_embeddings":false,"family":"decoder"},
            	"optimizer": {"betas": [0.5, 0]}, "run": {"directory": "a\/b \"c\" \u00e9"}, "precision": "float16"}
            """#
        let configuration = try Configuration.parse(json, name: "state.json")
        var expected = Configuration()
        expected.model.layers = 2
        expected.model.dropout = 0.1
        expected.model.tieEmbeddings = false
        expected.optimizer.betas = [0.5, 0]
        expected.run.directory = "a/b \"c\" é"
        expected.precision = .float16
        #expect(configuration == expected)
    }

    @Test(arguments: [
        ("1e-3", 1e-3), ("1E-3", 1e-3), (".5", 0.5), ("5.", 5), ("+2.5e+0", 2.5), ("3", 3), ("-0.0", 0), ("007", 7),
    ])
    func realNumbersFollowTheYAMLCoreSchema(text: String, value: Double) throws {
        let configuration = try Configuration.load(file: nil, sets: ["optimizer.weight_decay=\(text)"])
        #expect(configuration.optimizer.weightDecay == value)
        #expect(configuration.optimizer.weightDecay.sign == .plus)
    }

    @Test func setChangesEveryTypeAndLastOneWins() throws {
        let configuration = try Configuration.load(
            file: repository("configs/nano.yaml"),
            sets: [
                "model.layers=3", "model.layers=5", "run.directory=runs/a: b # = c", "model.bias=false",
                "schedule.peak=1e-2", "optimizer.betas=[0.8, 0.9]", "schedule.kind=warmup_stable_decay",
                "schedule.decay_steps=10", "model.activation='gelu_exact'", "precision=float16",
                "averaging.strategy=shared_memory", "data.directory=null", "run.seed=9223372036854775807",
                "optimizer.freeze=token_*",
                "optimizer.groups=[{names: \"*.bias\", weight_decay: 0, l2: null}, {names: [a, b], learning_rate_scale: 2}]",
            ])
        #expect(configuration.optimizer.freeze == ["token_*"])
        #expect(configuration.optimizer.groups.map(\.names) == [["*.bias"], ["a", "b"]])
        #expect(configuration.optimizer.groups.map(\.learningRateScale) == [1, 2])
        #expect(configuration.optimizer.groups.map(\.weightDecay) == [0, nil])
        #expect(configuration.model.layers == 5)
        #expect(configuration.run.directory == "runs/a: b # = c")
        #expect(!configuration.model.bias)
        #expect(configuration.schedule.peak == 0.01)
        #expect(configuration.optimizer.betas == [0.8, 0.9])
        #expect(configuration.schedule.kind == .warmupStableDecay)
        #expect(configuration.model.activation == .geluExact)
        #expect(configuration.precision == .float16)
        #expect(configuration.averaging.strategy == .sharedMemory)
        #expect(configuration.data.directory == "null")
        #expect(configuration.run.seed == Int.max)
        #expect(configuration.model.width == 384, "the file's values stay")
    }

    @Test func resolvedConfigurationReadsBack() throws {
        let awkward = [
            "runs/a", "5", "null", "~", "-", "-/a", "true", "a b", "a: b", " x ", "é\"\\", "#", "\u{2028}/",
            "\u{FEFF}a",
            "😀", "a\u{FFFE}\u{FFFF}", "a\u{301}",
        ]
        for directory in awkward {
            var configuration = Configuration()
            configuration.run.directory = directory
            configuration.optimizer.epsilon = 1.234_567_890_123_456_7e-17
            configuration.optimizer.betas = [0.1 + 0.2, 0.999]
            configuration.optimizer.clipNorm = 1e22
            configuration.schedule.kind = .warmupStableDecay
            configuration.schedule.decaySteps = 7
            configuration.model.bias = false
            configuration.run.seed = Int.max
            configuration.optimizer.freeze = ["*.bias", directory]
            configuration.optimizer.groups = [ParameterGroup(), ParameterGroup()]
            configuration.optimizer.groups[0].names = [directory, "a, b]"]
            configuration.optimizer.groups[0].weightDecay = 0
            configuration.optimizer.groups[1].learningRateScale = 0.1
            let text = configuration.resolvedYAML
            let parsed = try Configuration.parse(text, name: "config.yaml")
            #expect(parsed == configuration)
            #expect(parsed.run.directory.utf8.elementsEqual(directory.utf8))
            #expect(parsed.resolvedYAML == text)
            #expect(try keyPaths(Array(text.utf8)) == Configuration.keys.map(\.path))
        }
    }

    @Test func listsOfNumbersReadBack() throws {
        let configuration = try Configuration.parse("schedule: {kind: step, milestones: [1, 20]}", name: "c.yaml")
        #expect(configuration.schedule.milestones == [1, 20])
        #expect(try Configuration.parse(configuration.resolvedYAML, name: "config.yaml") == configuration)
    }

    @Test func resolvedConfigurationIsStable() {
        let lines = Configuration().resolvedYAML.split(separator: "\n")
        #expect(lines.prefix(5) == ["run:", "  directory: runs/quickstart", "  seed: 1337", "  export: none", "data:"])
        #expect(lines.contains("  betas: [0.9, 0.95]"))
        #expect(lines.contains("  epsilon: 1e-08"))
        #expect(lines.contains("precision: float32"))
        #expect(Set(Configuration.keys.map(\.path)).count == Configuration.keys.count)
    }

    @Test func differencesNameKeyAndValues() throws {
        let ours = try Configuration.load(file: nil, sets: ["model.layers=6", "run.directory=runs/b"])
        let theirs = Configuration()
        #expect(
            ours.differences(from: theirs) == [
                .init(key: "run.directory", value: "runs/b", other: "runs/quickstart"),
                .init(key: "model.layers", value: "6", other: "4"),
            ])
        #expect(ours.trajectoryDifferences(from: theirs) == [.init(key: "model.layers", value: "6", other: "4")])
        #expect(ours.differences(from: ours).isEmpty)
    }

    @Test func onlyKeysThatChangeResultsAffectTrajectory() throws {
        let outside = Configuration.keys.filter { !$0.affectsTrajectory }.map(\.path)
        #expect(
            outside == [
                "run.directory", "run.export", "data.directory", "data.mixture", "threads", "averaging.strategy",
                "averaging.bucket_bytes",
                "training.evaluate_every", "training.checkpoint_every", "training.background_checkpoints",
                "training.private_checkpoints", "training.keep_last", "training.keep_best",
                "training.tasks", "training.metric", "training.patience", "training.min_delta", "training.recompute",
                "training.verify_every", "training.tensorboard", "training.histograms_every", "training.samples",
                "training.stall_timeout_seconds", "training.straggler_factor",
            ])
        let moved = try Configuration.load(
            file: nil,
            sets: [
                "run.directory=x", "run.export=huggingface", "data.directory=y", "threads=7",
                "averaging.strategy=allreduce", "averaging.bucket_bytes=1024",
                "training.evaluate_every=7", "training.checkpoint_every=7", "training.background_checkpoints=false",
                "training.private_checkpoints=true", "training.keep_last=7",
                "training.keep_best=7", "training.tasks=q.jsonl", "training.patience=7", "training.min_delta=7",
                "training.recompute=block", "training.verify_every=7", "training.histograms_every=7",
                "training.samples=7",
                "training.stall_timeout_seconds=7", "training.straggler_factor=7",
            ])
        #expect(moved.trajectoryDifferences(from: Configuration()).isEmpty)
        // The watched metric has only one possible value, without event files there are no histograms, and a mixture
        // replaces the directory.
        let unmoved = ["data.mixture", "training.metric", "training.tensorboard"]
        #expect(moved.differences(from: Configuration()).map(\.key) == outside.filter { !unmoved.contains($0) })

        let half = try Configuration.load(file: nil, sets: ["precision=float16"])
        for set in [
            "run.seed=1", "batch.slots=8", "training.steps=1201", "loss_scale.floor=2",
        ] {
            let other = try Configuration.load(file: nil, sets: ["precision=float16", set])
            #expect(other.trajectoryDifferences(from: half).count == 1, "\(set)")
        }
    }

    @Test func commonLinesExcludeDirectories() throws {
        let lines = Configuration().commonLines
        #expect(lines.count == Configuration.keys.count - 2)
        let elsewhere = try Configuration.load(file: nil, sets: ["run.directory=x", "data.directory=y"])
        #expect(elsewhere.commonLines == lines)
        for set in ["averaging.strategy=allreduce", "training.evaluate_every=7", "training.keep_best=2"] {
            #expect(try Configuration.load(file: nil, sets: [set]).commonLines != lines, "\(set)")
        }
    }

    @Test func unreadableFilesNameTheRemedy() {
        for (path, text) in [
            ("/nowhere/x.yaml", "/nowhere/x.yaml: no such configuration file. Give --config"),
            (repository("configs"), "not a regular file"),
        ] {
            let failure = #expect(throws: Failure.self) { try Configuration.load(file: path) }
            #expect(failure?.exitCode == .usage)
            #expect(failure?.message.contains(text) == true)
        }
    }

    /// The paths of a file's keys, in order.
    private func keyPaths(_ bytes: [UInt8]) throws -> [String] {
        let root = try YAMLReader.document(bytes, from: .file("x"))
        guard case .mapping(let entries) = root.content else { return [] }
        return entries.flatMap { entry -> [String] in
            guard case .mapping(let inner) = entry.value.content else { return [entry.key] }
            return inner.map { "\(entry.key).\($0.key)" }
        }
    }
}
