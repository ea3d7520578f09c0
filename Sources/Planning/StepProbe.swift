import Collectives
import Datasets
import Failures
import Inference
import Layers
import Measuring
import Models
import Profiling
import Resources
import Settings
import Tensors
import Threads

/// A short measurement of a configuration's training step on this machine.
///
/// A small model is measured as it is. Of a larger one, a model of the same width, context and vocabulary with few
/// layers and micro-batches is measured, and the result applied to all layers: blocks of a stack are equal.
struct StepProbe {
    /// The time of a step of the whole model.
    let times: StepTimes
    /// The memory of all ranks of this host before the model, in bytes: program, libraries and data.
    let programBytes: Double
    /// The memory of all ranks of this host that the largest batches need besides the model and its activations: scratch
    /// space of layers and kernels, batches.
    let scratchBytes: Double
    /// What was measured, in words.
    let description: String
    /// The share of its cores that the job had while it was measured; less than 1 if other programs ran.
    let processorShare: Double
    /// The number of ranks that were measured, and the compute threads of each.
    let ranks: Int
    let threads: Int
    /// The share of a micro-batch's work that threads do not divide (Amdahl 1967); nil if it was not measured.
    let serialShare: Double?

    /// Whether one process was measured for a job of several ranks.
    func isOneProcess(of ranks: Int) -> Bool { self.ranks == 1 && ranks > 1 }

    /// The limit of a measurement: the memory of the model in bytes, and the expected floating-point operations.
    private static let (mostBytes, mostOperations) = (1e9, 5e11)

    /// The memory of the smallest part of a model that is measured, on one rank, in bytes.
    static func leastBytes(
        _ configuration: Configuration, _ sizes: ModelSizes, _ lengths: SequenceLengths, _ recomputation: Recomputation
    ) -> Double {
        var reduced = configuration
        reduced.keepLayers(2)
        return reduced.stepMemory(sizes, lengths, recomputation, ranks: 1, perNode: 1).bytes
    }

    /// Measures steps. Collective: every rank calls it.
    ///
    /// - Parameters:
    ///   - batches: The batches of the run; nil: random sequences of full length.
    ///   - comparesThreads: Whether to measure one thread too, if this process is alone and has several.
    init(
        _ subject: BenchSubject, _ batches: RunBatches?, _ recomputation: Recomputation,
        flopsPerStep: Double, comparesThreads: Bool, _ communicator: any Communicator
    ) throws {
        let (whole, ranks) = (subject.configuration, communicator.size)
        let perNode = communicator.localSize
        let slots = max(1, whole.batch.slots / ranks)
        /// The memory of a model's arenas on `batches`.
        func arenas(_ configuration: Configuration, _ batches: RunBatches?) -> Double {
            let lengths = batches?.lengths ?? SequenceLengths(subject.sizes.contextLength)
            return configuration.arenaMemory(subject.sizes, lengths, recomputation, ranks: ranks, perNode: perNode)
                .bytes
        }
        var (reduced, batches) = (whole, batches)
        let operations = flopsPerStep / Double(ranks)
        let isSmall = arenas(whole, batches) <= StepProbe.mostBytes && operations <= StepProbe.mostOperations
        if !isSmall {
            reduced.keepLayers(2)
            // Two micro-batches show what adding their gradients takes, if that does not take long.
            let kept = operations / Double(slots) > StepProbe.mostOperations ? 1 : min(2, slots)
            reduced.batch.sequences = whole.batch.sequencesPerSlot * kept * ranks
            reduced.batch.slots = kept * ranks
            batches = try batches.map { try RunBatches($0.data, reduced, communicator) }
        }
        reduced.training.recompute = recomputation.key
        let measuredSlots = reduced.batch.slots / ranks
        let steps = isSmall ? max(5, min(20, Int(1e12 / max(1, operations)))) : 2
        let typicalSteps = batches?.typicalSteps(steps) ?? []
        let largest = batches?.largestSteps ?? [0, 0]
        let before = try StepProbe.sumOverNode(communicator)
        let bench = try StepBench(
            subject.with(reduced), data: batches.map { ($0.data.training, largest + typicalSteps) }, communicator)
        // The largest batches first: they need the most memory.
        for _ in largest { try bench.step() }
        try batches?.forEachLargestEvaluation(communicator) { bench.evaluate($0) }
        let after = try StepProbe.sumOverNode(communicator)
        let (measured, share) = try StepProbe.measure(bench, steps: steps, slots: measuredSlots, perNode: perNode)
        processorShare = min(1, Double(try communicator.sum(Int64(share * 1e6))) * 1e-6 / Double(ranks))
        threads = ThreadPool.shared.count
        if comparesThreads, ranks == 1, threads > 1 {
            // The same steps again.
            for _ in largest { try bench.step() }
            let (single, singleShare) = try StepProbe.withOneThread {
                try StepProbe.measure(bench, steps: steps, slots: measuredSlots, perNode: perNode)
            }
            let count = Double(threads)
            let singleSeconds = (single.layers + single.ends) * min(1, singleShare)
            let ratio = (measured.layers + measured.ends) * processorShare / singleSeconds
            serialShare = max(0, min(1, (ratio - 1 / count) / (1 - 1 / count)))
        } else {
            serialShare = nil
        }
        let (wholeModel, model) = (whole.trainedLayout(subject.sizes), reduced.trainedLayout(subject.sizes))
        times = measured.scaled(
            layerRatio: Double(whole.model.allLayers) / Double(reduced.model.allLayers),
            parameterRatio: Double(wholeModel.count) / Double(model.count),
            workRatio: batches?.relativeWork(of: typicalSteps) ?? 1, ranks: ranks)
        (programBytes, self.ranks) = (before, ranks)
        scratchBytes = max(0, after - before - arenas(reduced, batches))
        let layers =
            isSmall ? "the whole model" : "\(counted(reduced.model.allLayers, "layer")) of \(whole.model.allLayers)"
        description =
            "measured: \(counted(steps, "step")) of \(layers), \(counted(measuredSlots, "micro-batch", "es")) per rank, "
            + ComputeThreads.description(ranks: ranks) + (batches == nil ? ", random data" : "")
    }

    /// Calls `body` while one thread computes.
    private static func withOneThread<Result>(_ body: () throws -> Result) throws -> Result {
        let count = ThreadPool.shared.count
        _ = ThreadPool.shared.resize(to: 1)
        defer { _ = ThreadPool.shared.resize(to: count) }
        return try body()
    }

    /// The times of some steps, and the share of its cores that the job had.
    private static func measure(
        _ bench: StepBench, steps: Int, slots: Int, perNode: Int
    ) throws -> (times: StepTimes, share: Double) {
        bench.restartParts()
        let (clock, before) = (ContinuousClock(), ProcessorUse())
        let start = clock.now
        for _ in 0..<steps { try bench.step() }
        let share = ProcessorUse().share(
            since: before, elapsed: (clock.now - start).seconds, threads: ThreadPool.shared.count,
            largest: largestShare(perNode))
        return (try bench.times(slots: slots), share)
    }

    /// The share of a core that each thread of this rank has if no other programs run: less than 1 if the `ranks` of
    /// this host have more threads than cores.
    private static func largestShare(_ ranks: Int) -> Double {
        let usable = UsableCores.ofThisProcess()
        let threads = ThreadPool.shared.count * (usable.isBound ? 1 : ranks)
        return min(1, Double(usable.cores.count) / Double(threads))
    }

    /// The memory of all ranks of this host.
    private static func sumOverNode(_ communicator: any Communicator) throws(MPIError) -> Double {
        let mean = Double(try communicator.sum(Int64(proportionalBytes()))) / Double(communicator.size)
        return mean * Double(communicator.localSize)
    }
}

extension Recomputation {
    /// The value of `training.recompute`.
    fileprivate var key: TrainingConfiguration.Recompute {
        switch self {
        case .none: .none
        case .attention: .attention
        case .block: .block
        }
    }
}

extension ModelConfiguration {
    /// The number of layers of all stacks.
    var allLayers: Int { layers + (family.architecture.hasEncoder ? targetLayers : 0) }
}

extension Configuration {
    /// The parameters that are trained.
    fileprivate func trainedLayout(_ sizes: ModelSizes) -> ParameterLayout {
        model.layout(sizes, fineTuning.adaptation).trained
    }

    /// Reduces every stack in the same ratio, to about `count` layers.
    fileprivate mutating func keepLayers(_ count: Int) {
        let smallest = model.family.architecture.hasEncoder ? min(model.layers, model.targetLayers) : model.layers
        let ratio = max(1, smallest / count)
        if model.family.architecture.hasEncoder { model.decoderLayers = max(1, model.targetLayers / ratio) }
        model.layers = max(1, model.layers / ratio)
    }
}
