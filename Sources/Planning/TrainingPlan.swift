import Collectives
import Datasets
import Failures
import Files
import Inference
import Layers
import Measuring
import Models
import Resources
import Settings
import Tensors
import Training

/// What a training run will need: parameters, memory, time and disk, before anything large is allocated.
package struct TrainingPlan {
    let configuration: Configuration
    let sizes: ModelSizes
    /// The number of ranks of the job, all on this host.
    let ranks: Int
    /// All parameters, and those that are trained.
    let layout: ParameterLayout
    let recomputation: Recomputation
    /// The memory of all ranks together.
    let memory: MemoryEstimate
    /// The memory that this host can still give, in bytes.
    let availableBytes: Int
    /// Floating-point operations of a step of all ranks.
    let flopsPerStep: Double
    /// nil if the model was not measured.
    let probe: StepProbe?
    /// Why the model was not measured.
    let unmeasured: String?
    /// The number of samples of the training and the validation split; nil without a dataset.
    let samples: (training: Int, validation: Int)?
    /// Changes of the configuration that lower the memory, with the memory that is needed then.
    let remedies: [(change: String, bytes: Double)]
    /// The configuration and the data in words.
    let subject: String

    /// Plans a run of `configuration`. Collective: every rank calls it.
    ///
    /// - Parameters:
    ///   - ranks: The number of ranks; that of this job, or any number in a process without other ranks.
    ///   - measures: Whether to measure steps.
    ///   - comparesThreads: Whether the measurement is for the nodes of a cluster: a lone process also measures how
    ///     much of a step threads divide, and a part of the model is measured even if the whole does not fit into
    ///     memory.
    /// - Throws: `AgreedFailure` with `usage` or `badData` if the configuration cannot be trained.
    package init(
        _ configuration: Configuration, ranks: Int, measures: Bool, comparesThreads: Bool = false,
        _ communicator: any Communicator
    ) throws {
        guard ranks == communicator.size || communicator.size == 1 else {
            throw AgreedFailure(
                Failure(
                    .usage,
                    "plan: --ranks \(ranks), but mpirun started \(counted(communicator.size, "rank")). Omit --ranks, or run "
                        + "without mpirun."))
        }
        let subject = try BenchSubject(configuration, communicator)
        let data = try communicator.together { () throws(Failure) -> TrainingData? in
            _ = try BatchPlan(
                sequences: configuration.batch.sequences, slots: configuration.batch.slots, rank: 0, worldSize: ranks)
            guard try FileSystem.isPresent(configuration.data.directory) else { return nil }
            return try TrainingData(configuration, communicator)
        }
        let sizes = data?.sizes ?? subject.sizes
        let batches = try data.map { try RunBatches($0, configuration, communicator) }
        let lengths = batches?.lengths ?? SequenceLengths(sizes.contextLength)
        self.configuration = configuration
        (self.sizes, self.ranks, self.subject) = (sizes, ranks, subject.note)
        layout = configuration.model.layout(sizes, configuration.fineTuning.adaptation)
        let share = configuration.targetShare(sizes)
        let tokens = Double(configuration.batch.sequences * sizes.contextLength)
        flopsPerStep = configuration.model.flopsPerTarget(sizes, targetShare: share) * share * tokens
        samples = data.map { ($0.training.count, $0.validation?.count ?? 0) }
        availableBytes = MemoryEstimate.availableBytes(processes: ranks)
        let own = configuration.chosenRecomputation(sizes, lengths, ranks: ranks, perNode: ranks)
        recomputation = Recomputation(rawValue: Int(try communicator.maximum(Int64(own.rawValue))))!
        let least = configuration.stepMemory(sizes, lengths, recomputation, ranks: ranks, perNode: ranks)
        // The nodes of a cluster divide the optimizer's state, and of a large model a part is measured.
        let needed =
            comparesThreads ? StepProbe.leastBytes(configuration, sizes, lengths, recomputation) : least.bytes
        let fits = try communicator.maximum(needed > Double(availableBytes) ? 1 : 0) == 0
        if measures && fits {
            probe = try StepProbe(
                subject, batches, recomputation, flopsPerStep: flopsPerStep, comparesThreads: comparesThreads,
                communicator)
            unmeasured = nil
        } else {
            probe = nil
            unmeasured = fits ? "not measured (--no-measure)" : "not measured: the model does not fit into memory"
        }
        let arenas = configuration.arenaMemory(
            sizes, lengths, recomputation, ranks: ranks, perNode: ranks)
        memory = TrainingPlan.memory(
            arenas, least, probe, configuration, layout, ranks: ranks, measuredRanks: communicator.size,
            hasData: data != nil)
        let total = memory.bytes
        remedies = TrainingPlan.remedies(configuration, recomputation).compactMap {
            change, other -> (change: String, bytes: Double)? in
            guard
                (try? BatchPlan(
                    sequences: other.batch.sequences, slots: other.batch.slots, rank: 0, worldSize: ranks)) != nil
            else { return nil }
            let saved =
                least.bytes
                - other.stepMemory(
                    sizes, lengths,
                    other.chosenRecomputation(sizes, lengths, ranks: ranks, perNode: ranks), ranks: ranks,
                    perNode: ranks
                ).bytes
            return saved > 0.02 * total ? (change, total - saved) : nil
        }.sorted { $0.bytes < $1.bytes }
    }

    /// All parts of the memory: what is allocated before the first step, exactly; the program and what grows in a step,
    /// as measured or at least; and the copies of checkpoints.
    private static func memory(
        _ arenas: MemoryEstimate, _ least: MemoryEstimate, _ probe: StepProbe?, _ configuration: Configuration,
        _ layout: ParameterLayout, ranks: Int, measuredRanks: Int, hasData: Bool
    ) -> MemoryEstimate {
        var memory = arenas
        if let probe {
            let factor = Double(ranks) / Double(measuredRanks)
            memory.add("scratch space and batches", Int(probe.scratchBytes * factor), bytesEach: 1)
            memory.add("program and data", Int(probe.programBytes * factor), bytesEach: 1)
        } else {
            for part in least.parts.dropFirst(arenas.parts.count) {
                memory.add(part.name, Int(part.bytes), bytesEach: 1)
            }
        }
        let saves = configuration.training.checkpointEvery > 0 && configuration.training.backgroundCheckpoints
        if saves {
            memory.add("copy for checkpoints (rank 0)", configuration.checkpointBytes(layout.trained), bytesEach: 1)
        }
        return memory
    }

    /// Configurations that need less memory.
    private static func remedies(
        _ configuration: Configuration, _ recomputation: Recomputation
    ) -> [(change: String, configuration: Configuration)] {
        var all: [(change: String, configuration: Configuration)] = []
        func add(_ change: String, _ body: (inout Configuration) -> Void) {
            var other = configuration
            body(&other)
            all.append((change, other))
        }
        let batch = configuration.batch
        if recomputation != .block {
            add("training.recompute: block (a third more time)") { $0.training.recompute = .block }
        }
        if configuration.precision == .float32 {
            add("precision: bfloat16") { $0.precision = .bfloat16 }
        }
        if batch.sequences.isMultiple(of: 2 * batch.slots) {
            add("batch.slots: \(2 * batch.slots) (other results)") { $0.batch.slots *= 2 }
        }
        if batch.sequences.isMultiple(of: 2), (batch.sequences / 2).isMultiple(of: batch.slots) {
            add("batch.sequences: \(batch.sequences / 2) (other results)") { $0.batch.sequences /= 2 }
        }
        if configuration.optimizer.kind == .adamw {
            add("optimizer.kind: lion (other results)") { $0.optimizer.kind = .lion }
        }
        return all
    }

    // MARK: What follows

    /// The number of ranks on this host.
    package var rankCount: Int { ranks }

    /// The number of micro-batches per step of the rank with the most.
    var slotsPerRank: Int { (configuration.batch.slots + ranks - 1) / ranks }

    /// The time of a step in seconds; nil if nothing was measured.
    ///
    /// A measurement of one process on all cores stands for that of several ranks, which have these cores together.
    var stepSeconds: Double? {
        guard let probe else { return nil }
        let slots = probe.isOneProcess(of: ranks) ? configuration.batch.slots : slotsPerRank
        return probe.times.seconds(slots: slots)
    }

    /// The time of all steps in seconds.
    var trainingSeconds: Double? { stepSeconds.map { $0 * Double(configuration.training.steps) } }

    /// The time of all evaluations in seconds.
    var evaluationSeconds: Double? {
        guard let probe, let samples, configuration.training.evaluateEvery > 0 else { return probe == nil ? nil : 0 }
        let evaluations = configuration.training.steps / configuration.training.evaluateEvery
        let batches =
            (samples.validation + configuration.batch.sequencesPerSlot - 1) / configuration.batch.sequencesPerSlot
        let parallel = probe.isOneProcess(of: ranks) ? 1 : ranks
        return Double(evaluations * batches) / Double(parallel) * probe.times.forward
    }

    /// The number of tokens, or of samples if they are no tokens, of all steps.
    var positionsOfRun: Int {
        configuration.training.steps * configuration.batch.sequences * sizes.contextLength
    }

    /// The number of epochs of the run; nil without a dataset.
    var epochs: Double? {
        samples.map { Double(configuration.training.steps * configuration.batch.sequences) / Double($0.training) }
    }

    /// The size of a checkpoint, and how many exist at once: those that are kept, and the one being written.
    var checkpoints: (bytes: Int, count: Int) {
        let training = configuration.training
        return (configuration.checkpointBytes(layout.trained), training.keepLast + training.keepBest + 1)
    }
}
