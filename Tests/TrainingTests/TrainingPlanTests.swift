import Collectives
import Datasets
import Failures
import Files
import Inference
import Models
import TestSupport
import Testing

@testable import Measuring
@testable import Planning
@testable import Settings
@testable import Training

/// Predictions of memory and time.
struct TrainingPlanTests {
    /// A plan of every family: its parts add up, the measurement yields times, and the JSON has the same numbers.
    @Test(arguments: [FamilyCase.all[0], FamilyCase.all[2], FamilyCase.all[7]])
    func plansEveryKindOfModel(family: FamilyCase) throws {
        let workshop = try FamilyWorkshop(family)
        let configuration = try workshop.configuration(["training.steps=10", "training.evaluate_every=5"])
        let plan = try TrainingPlan(configuration, ranks: 1, measures: true, SoloCommunicator())
        let names = plan.memory.parts.map(\.name)
        for name in ["weights", "gradients", "moments", "activations", "program and data"] {
            #expect(names.contains(name), "\(names)")
        }
        #expect(plan.json["memory_bytes"]?.integerValue == Int(plan.memory.bytes) && plan.fits)
        #expect(try #require(plan.stepSeconds) > 0 && (try #require(plan.evaluationSeconds)) > 0)
        #expect(plan.json["parameters"]?.integerValue == plan.layout.parameterCount)
        #expect(plan.epochs == 160.0 / Double(try #require(plan.samples).training))
        #expect(plan.text.contains("fits"))
    }

    /// The batches of a run with length bucketing: their longest sequences, where they are, and typical steps.
    @Test func findsTheLargestBatchesOfARun() throws {
        let workshop = try FamilyWorkshop(FamilyCase.all[2])
        let configuration = try workshop.configuration(["training.steps=9"])
        let communicator = SoloCommunicator()
        let data = try TrainingData(configuration, communicator)
        let batches = try RunBatches(data, configuration, communicator)
        let reader = try BatchReader(
            data.training, plan: data.plan, seed: UInt64(configuration.run.seed),
            poolBatches: configuration.data.lengthPool)
        let steps = try (0..<9).map { _ in try reader.next().map { ($0.positions, $0.sourcePositions) } }
        let longest = steps.map { ($0.map(\.0).max()!, $0.map(\.1).max()!) }
        let (target, source) = (longest.map(\.0).max()!, longest.map(\.1).max()!)
        #expect(longest[batches.largestSteps[0]].0 == target && longest[batches.largestSteps[1]].1 == source)
        var evaluated = SequenceLengths(1)
        try batches.forEachLargestEvaluation(communicator) {
            evaluated = evaluated.including(SequenceLengths($0.positions, source: $0.sourcePositions))
        }
        #expect(batches.lengths == evaluated.including(SequenceLengths(target, source: source)))
        #expect(batches.typicalSteps(12) == Array(0..<12) && batches.typicalSteps(3).count == 3)
        #expect(batches.typicalSteps(3).allSatisfy { (0..<9).contains($0) })
        #expect(abs(batches.relativeWork(of: Array(0..<9)) - 1) < 1e-12)
    }

    /// Without a measurement, a model that exceeds any memory is described, with what would help.
    @Test func describesModelsThatDoNotFit() throws {
        let configuration = try Configuration.load(
            file: nil,
            sets: [
                "model.width=16384", "model.heads=64", "model.layers=30", "training.recompute=none",
                "data.context_length=2048", "data.directory=/nonexistent",
            ])
        let plan = try TrainingPlan(configuration, ranks: 2, measures: true, SoloCommunicator())
        #expect(!plan.fits && plan.probe == nil && plan.stepSeconds == nil)
        let changes = plan.remedies.map(\.change)
        #expect(changes.contains("precision: bfloat16") && changes.contains(where: { $0.contains("recompute: block") }))
        #expect(plan.remedies.allSatisfy { $0.bytes < plan.memory.bytes })
        for words in ["does not fit", "less memory: ", "fewer ranks", "not measured"] {
            #expect(plan.text.contains(words), "\(plan.text)")
        }
        #expect(throws: (any Error).self) {
            _ = try TrainingPlan(configuration, ranks: 5, measures: false, SoloCommunicator())
        }
    }

    /// What is allocated before the first step is known exactly.
    @Test func arenasAreThoseOfACheckpointAndAModel() throws {
        let configuration = try Configuration.load(file: nil, sets: ["precision=bfloat16", "training.ema_decay=0.9"])
        let sizes = configuration.madeUpSizes
        let layout = configuration.model.layout(sizes)
        let memory = configuration.arenaMemory(sizes, SequenceLengths(128), .none, ranks: 2, perNode: 2)
        let parts = Dictionary(uniqueKeysWithValues: memory.parts.map { ($0.name, Int($0.bytes)) })
        let count = layout.count
        // Two micro-batches per rank: one subtree waits for the other.
        #expect(parts["weights"] == 2 * count && parts["gradients"] == 2 * 2 * 2 * count)
        #expect(parts["master weights"] == 4 * count && parts["moments"] == 8 * count)
        #expect(configuration.checkpointBytes(layout) == 18 * layout.parameterCount)
    }

    @Test func timesScaleWithLayersParametersAndSlots() {
        var times = StepTimes()
        (times.layers, times.ends, times.forward, times.update, times.rest) = (2, 1, 1, 0.5, 0.25)
        times.measuredSlots = 1
        let scaled = times.scaled(layerRatio: 3, parameterRatio: 2, ranks: 2)
        #expect(scaled.layers == 6 && scaled.ends == 1 && scaled.update == 1)
        #expect(abs(scaled.forward - (1 + 2 * 2.0 / 3)) < 1e-12)
        let larger = times.scaled(layerRatio: 1, parameterRatio: 1, workRatio: 2, ranks: 2)
        #expect(larger.layers == 4 && larger.ends == 2 && larger.forward == 2 && larger.update == 0.5)
        #expect(abs(scaled.seconds(slots: 2) - (2 * 7 + 2 * 3.0 / 7 + 1 + 0.25)) < 1e-12)
    }
}
