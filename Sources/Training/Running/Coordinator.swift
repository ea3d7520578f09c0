import Collectives
import Datasets
import Failures
import Kernels
import Layers
import Models
import Optimizers
import Profiling
import Tensors

/// The state of a training and the one way it changes: the same deterministic code on every rank.
///
/// It holds the step, the consumed samples, the schedule, the scaler, the master weights and the moments; hands the
/// rank's replica its slots; and turns the averaged gradient into an update that every rank computes alike.
final class Coordinator<Element: Storage> {
    /// Steps done, skipped ones included.
    private(set) var step = 0
    /// The position in the endless row of samples.
    private(set) var consumedSamples = 0
    /// Target tokens trained on so far.
    private(set) var tokens = 0
    /// Steps without an update, because a gradient overflowed.
    private(set) var skippedSteps = 0
    /// The dynamic loss scale, in Float16.
    private(set) var scaler: LossScaler?

    let layout: ParameterLayout
    /// Float32 weights: what the optimizer updates, and in Float32 what the replica computes with.
    let master: Arena<Float>
    /// The optimizer's state, an arena for each of its names.
    let states: [Arena<Float>]
    let optimizer: any Optimizer
    let replica: Replica<Element>
    let averaging: any GradientAveraging<Element>
    /// Notes where the time of a step goes; off until it is started.
    let spans = SpanRecorder()

    private let configuration: Configuration
    private let communicator: any Communicator
    private let plan: BatchPlan
    private let schedule: Schedule
    private let statePointers: [UnsafeMutablePointer<Float>]
    private let sums: StepSums

    /// A training that is about to begin: weights initialized, everything else zero.
    init(
        _ configuration: Configuration, vocabularySize: Int, plan: BatchPlan, _ communicator: any Communicator
    ) throws(MPIError) {
        self.configuration = configuration
        self.communicator = communicator
        self.plan = plan
        let decoder = Decoder<Element>(
            configuration.model, vocabularySize: vocabularySize, contextLength: configuration.data.contextLength)
        let layout = decoder.layout
        self.layout = layout
        averaging = try makeAveraging(configuration.averaging, layout: layout, communicator, spans)
        master = Arena(count: layout.count)
        layout.initialize(master, seed: UInt64(configuration.run.seed))
        optimizer = makeOptimizer(configuration.optimizer)
        states = optimizer.stateNames.map { _ in Arena(count: layout.count) }
        statePointers = states.map(\.base)
        schedule = Schedule(configuration.schedule, steps: configuration.training.steps)
        replica = Replica(
            decoder, weights: master as? Arena<Element> ?? Arena(count: layout.count), averaging: averaging,
            slots: plan.localSlots.count, sequencesPerSlot: plan.sequencesPerSlot, spans: spans)
        sums = StepSums(slots: plan.slots, elements: layout.count)
        if configuration.precision == .float16 {
            scaler = LossScaler(scale: configuration.lossScale.initial, configuration.scalerSettings)
        }
        refreshWorkingWeights()
    }

    /// Takes up the counters of a checkpoint; the arenas have been filled already.
    func restore(step: Int, consumedSamples: Int, tokens: Int, skippedSteps: Int, scaler: LossScaler?) {
        (self.step, self.consumedSamples, self.tokens) = (step, consumedSamples, tokens)
        (self.skippedSteps, self.scaler) = (skippedSteps, scaler)
        refreshWorkingWeights()
    }

    /// What one step tells.
    struct Report {
        /// Mean loss over the step's targets, in nats.
        var loss: Double
        var learningRate: Double
        /// The norm of the whole gradient before clipping; nil where it overflowed.
        var gradientNorm: Double?
        /// The scale that the step was computed with, in Float16.
        var lossScale: Double?
        /// The step's targets, over all ranks.
        var tokens: Int
        /// The parameter whose gradient overflowed, where the step was skipped for that.
        var overflowedParameter: String?
        /// Whether any rank was asked to stop.
        var stopRequested: Bool
    }

    /// One step: slots, averaging, norm, update.
    ///
    /// - Parameters:
    ///   - batch: This rank's slots.
    ///   - stopRequested: Whether this rank was asked to stop.
    /// - Throws: `AgreedFailure` where the loss or a Float32 gradient is not finite.
    func train(_ batch: TokenBatch, stopRequested: Bool) throws -> Report {
        let seed = UInt64(configuration.run.seed)
        let lossScale = scaler?.scale ?? 1
        sums.clear()
        try sums.startCounts(targets: batch.targetCount, stopRequested: stopRequested, communicator)
        try replica.accumulate(
            batch, firstSlot: plan.localSlots.lowerBound, slotLosses: sums.slotLosses,
            dropout: { samples in
                Dropout(rate: configuration.model.dropout, seed: seed, step: step, samples: samples)
            },
            gradientScale: { Float(lossScale / Double(max(1, try sums.finishCounts().targets))) })
        spans.begin(.averaging)
        try averaging.finish()
        spans.end()
        spans.begin(.norm)
        sumSquares()
        try sums.combine(communicator)
        spans.end()

        let counts = try sums.finishCounts()
        var report = Report(
            loss: sums.totalLoss / Double(max(1, counts.targets)), learningRate: schedule.learningRate(at: step),
            gradientNorm: nil, lossScale: scaler?.scale, tokens: counts.targets, overflowedParameter: nil,
            stopRequested: counts.stopRequested)
        guard report.loss.isFinite else { throw AgreedFailure(lossFailure()) }
        // The same bits on every rank: all update or none does.
        let squares = sums.totalSquares
        if squares.isFinite {
            let norm = squares.squareRoot() / lossScale
            report.gradientNorm = norm
            update(norm: norm, rate: report.learningRate, lossScale: lossScale)
        } else {
            let parameter = firstOverflow()
            guard scaler != nil else { throw AgreedFailure(gradientFailure(parameter)) }
            report.overflowedParameter = parameter
            skippedSteps += 1
        }
        scaler?.update(overflowed: report.overflowedParameter != nil)
        spans.begin(.weights)
        try averaging.release()
        spans.end()
        step += 1
        consumedSamples += plan.sequences
        tokens += counts.targets
        return report
    }

    /// Sums the squares of this rank's part of the averaged gradient, chunk by chunk.
    private func sumSquares() {
        for segment in averaging.segments {
            let range = segment.range.clamped(to: averaging.owned)
            sumsOfSquares(
                segment.base + range.lowerBound, into: sums.chunkSquares + range.lowerBound / chunkElements,
                count: range.count, chunk: chunkElements)
        }
    }

    /// Updates all weights from the averaged gradient.
    private func update(norm: Double, rate: Double, lossScale: Double) {
        let clip = Clipping.factor(norm: norm, limit: configuration.optimizer.clipNorm)
        let limit = configuration.optimizer.clipValue
        let optimizerStep = OptimizerStep(
            number: step + 1 - skippedSteps, learningRate: rate, gradientScale: Float(clip / lossScale),
            gradientLimit: limit > 0 ? Float(limit) : .infinity)
        spans.begin(.update)
        for segment in averaging.segments {
            for parameter in layout.parameters where parameter.range.overlaps(segment.range) {
                optimizer.update(
                    master.base, states: statePointers, gradients: segment.base,
                    range: parameter.range.clamped(to: segment.range), decays: parameter.decays, optimizerStep)
            }
        }
        spans.end()
        spans.begin(.weights)
        refreshWorkingWeights()
        spans.end()
    }

    /// Rounds the master weights into the replica's, where those are of another type.
    private func refreshWorkingWeights() {
        if Element.self != Float.self {
            convert(UnsafePointer(master.base), into: replica.forwardPass.weights.base, count: layout.count)
        }
    }

    /// The name of the first parameter whose averaged gradient is not finite.
    private func firstOverflow() -> String {
        let first = layout.parameters.first { parameter in
            averaging.segments.contains { segment in
                let range = parameter.range.clamped(to: segment.range)
                return !sumOfSquares(segment.base + range.lowerBound, count: range.count).isFinite
            }
        }
        return first?.name ?? "no parameter"
    }

    private func lossFailure() -> Failure {
        let slot = (0..<plan.slots).first { !sums.slotLosses[$0].isFinite } ?? 0
        let weights = layout.parameters.first {
            !sumOfSquares(UnsafePointer(master.base + $0.offset), count: $0.count).isFinite
        }
        let tensor =
            weights.map { "the weights \($0.name) are not finite" } ?? "the gradient of \(firstOverflow()) is not"
        return Failure(
            .internalError,
            "step \(step + 1), rank \(slot / plan.localSlots.count): the loss of slot \(slot) is not a finite number, "
                + "and \(tensor). \(Coordinator.advice)")
    }

    private func gradientFailure(_ parameter: String) -> Failure {
        Failure(
            .internalError,
            "step \(step + 1), all ranks: the averaged gradient of \(parameter) is not finite. \(Coordinator.advice)")
    }

    private static var advice: String {
        "The last checkpoint is untouched. Lower schedule.peak or set optimizer.clip_norm, and go on from it with "
            + "--resume DIR."
    }
}

extension Configuration {
    /// When the loss scale grows and shrinks.
    var scalerSettings: LossScaler.Settings {
        LossScaler.Settings(
            growthInterval: lossScale.growthInterval, hysteresis: lossScale.hysteresis, floor: lossScale.floor)
    }
}
