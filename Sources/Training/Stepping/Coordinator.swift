import Averaging
import Checkpoints
import Collectives
import Datasets
import Failures
import Kernels
import Layers
import Models
import Optimizers
import Profiling
import Reporting
import Settings
import Tensors

/// The state of a training and the one way it changes: the same deterministic code on every rank.
///
/// It holds the step, the consumed samples, the schedule, the scaler, and of the master weights and the moments the shard
/// that this rank owns; hands the rank's replica its slots; and updates the shard from its averaged gradient.
package final class Coordinator<Element: Storage> {
    /// Steps done, skipped ones included.
    package private(set) var step = 0
    /// The position in the endless row of samples.
    private(set) var consumedSamples = 0
    /// Target tokens trained on so far.
    private(set) var tokens = 0
    /// Steps without an update, for whatever reason.
    private(set) var skippedSteps = 0
    /// Those among them whose loss was a spike.
    private(set) var spikeSkips = 0
    /// How often the run has gone back to a checkpoint because of a spike.
    private(set) var returns = 0
    /// The dynamic loss scale, in Float16.
    private(set) var scaler: LossScaler?

    let layout: ParameterLayout
    /// What the optimizer updates: in Float32 the weights that the replica computes with, of which this rank writes its own
    /// shard; in Float16 a Float32 copy of the shard.
    let master: Arena<Float>
    /// The optimizer's state of the shard, an arena for each of its names.
    let states: [Arena<Float>]
    /// The moving average of the shard's weights, where the configuration asks for one.
    let averages: Arena<Float>?
    let optimizer: any Optimizer
    let replica: Replica<Element>
    let averaging: any GradientAveraging<Element>
    /// Notes where the time of a step goes; off until it is started.
    package let spans = SpanRecorder()
    /// Why the gradients do not take the way that the configuration prefers.
    let averagingWarning: String?

    private let configuration: Configuration
    let communicator: any Communicator
    private let plan: BatchPlan
    private let schedule: Schedule
    private let statePointers: [UnsafeMutablePointer<Float>]
    private let sums: StepSums
    private let shard: Shard
    /// What is updated at once, for each range of the shard: no more than a chunk, of one parameter.
    let pieces: [[UpdatePiece]]
    private let rules: [ParameterRules.Rule]
    /// What each rule needs to know of the step that is taken.
    private var ruleSteps: [OptimizerStep]
    private let frozen: FrozenParameters
    private let weightAverage: WeightAverage
    /// nil where nothing is verified.
    private(set) var stateGuard: StateGuard?
    /// nil where nothing is verified, or there is one copy of the weights.
    private(set) var replicaChecksums: ReplicaChecksums?
    /// Steps from one comparison of all replicas to the next.
    var verifyEvery: Int { configuration.training.verifyEvery }
    /// Steps without an update since the last one with it.
    private(set) var skipsInARow = 0
    /// Whether the last failure of `train` has left weights and state as the last update made them, so that they can be
    /// saved.
    private(set) var isSoundAfterFailure = false
    /// The parameter with the largest number of those that the run was started with, where they are of another checkpoint.
    var largestStartingWeight: (name: String, magnitude: Float)?
    /// nil where nobody looks for spikes.
    private(set) var lossTrend: LossTrend?

    /// A training that is about to begin: weights initialized, everything else zero.
    ///
    /// - Throws: `AgreedFailure` with `usage` where the configuration names parameters that the model does not have.
    package init(
        _ configuration: Configuration, _ sizes: ModelSizes, plan: BatchPlan, _ communicator: any Communicator
    ) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.plan = plan
        let model = Transformer<Element>(configuration.model, sizes)
        let layout = model.layout
        self.layout = layout
        let rules: ParameterRules
        do throws(Failure) {
            rules = try ParameterRules(configuration.optimizer, layout)
        } catch {
            // Every rank has the same names and patterns.
            throw AgreedFailure(error)
        }
        self.rules = rules.rules
        ruleSteps = rules.rules.map { _ in OptimizerStep(number: 0, learningRate: 0) }
        let choice = try AveragingChoice<Element>(configuration.averaging, layout: layout, communicator, spans)
        (averaging, averagingWarning) = (choice.averaging, choice.warning)
        let shard = averaging.shards[communicator.rank]
        self.shard = shard
        let common = averaging.weights as? Arena<Float>
        let master = common ?? Arena<Float>(count: shard.count)
        self.master = master
        optimizer = makeOptimizer(configuration.optimizer)
        states = optimizer.stateNames.map { _ in Arena(count: shard.count) }
        statePointers = states.map(\.base)
        averages = configuration.training.emaDecay > 0 ? Arena(count: shard.count) : nil
        weightAverage = WeightAverage(decay: configuration.training.emaDecay)
        schedule = configuration.makeSchedule()
        replica = Replica(
            model, configuration.loss, averaging: averaging, slots: plan.localSlots.count,
            sequencesPerSlot: plan.sequencesPerSlot, spans: spans)
        sums = StepSums(slots: plan.slots, elements: layout.count)
        pieces = UpdatePiece.all(of: shard, layout, rules.indices, masterIsWhole: common != nil)
        frozen = FrozenParameters(rules.indices, shard, layout)
        scaler = configuration.makeLossScaler()
        if configuration.training.spikeZScore > 0 { lossTrend = LossTrend(limit: configuration.training.spikeZScore) }
        if configuration.training.verifyEvery > 0 {
            stateGuard = makeStateGuard()
            if averaging.hasReplicas { replicaChecksums = ReplicaChecksums(count: layout.parameters.count) }
        }
        try initializeWeights()
    }

    /// Draws the first weights, each rank those of its shard.
    private func initializeWeights() throws(MPIError) {
        let seed = UInt64(configuration.run.seed)
        forEachMaster(in: 0..<layout.count) { layout.initialize($0, into: $1, seed: seed) }
        try shareWeights()
    }

    /// Calls `body` with the master weights of each part of `range` that this rank owns.
    func forEachMaster(
        in range: Range<Int>, _ body: (_ part: Range<Int>, _ master: UnsafeMutablePointer<Float>) -> Void
    ) {
        for (index, own) in shard.ranges.enumerated() {
            let part = own.clamped(to: range)
            if part.isEmpty { continue }
            let start = Element.self == Float.self ? own.lowerBound : shard.starts[index]
            body(part, master.base + start + part.lowerBound - own.lowerBound)
        }
    }

    /// Makes what all replicas compute with, and the moving average, of the master weights. Every rank calls it.
    func shareWeights() throws(MPIError) {
        for (index, pieces) in pieces.enumerated() {
            for piece in pieces {
                refreshWorkingWeights(piece)
                averages.map {
                    ($0.base + piece.stateStart).update(from: master.base + piece.masterStart, count: piece.count)
                }
                stateGuard?.note(piece)
            }
            try averaging.rangeIsUpdated(index)
        }
        try averaging.publish()
    }

    /// Takes up the counters of a checkpoint; the arenas have been filled already.
    ///
    /// - Parameter consumedSamples: The position among the samples; nil for the checkpoint's.
    func restore(_ state: CheckpointState, consumedSamples: Int? = nil) {
        (step, self.consumedSamples, tokens) = (state.step, consumedSamples ?? state.consumedSamples, state.tokens)
        (skippedSteps, skipsInARow) = (state.skippedSteps, state.skipsInARow)
        (spikeSkips, returns) = (state.spikeSkips, state.returns)
        scaler = state.lossScaler.map {
            LossScaler(
                scale: $0.scale, cleanSteps: $0.cleanSteps, hysteresisLeft: $0.hysteresisLeft,
                configuration.scalerSettings)
        }
        if lossTrend != nil {
            lossTrend = LossTrend(limit: configuration.training.spikeZScore, restored: state.lossTrend)
        }
    }

    /// The steps that have updated the weights.
    var updates: Int { step - skippedSteps }

    /// How many steps were skipped, and why, for a person.
    var skipCounts: String {
        let others = skippedSteps - spikeSkips
        return [(spikeSkips, "because of a spike"), (others, "because of a number that is not finite")]
            .filter { $0.0 > 0 }.map { "\($0) \($1)" }.joined(separator: ", ")
    }

    /// Counts that the run has gone back to the checkpoint that was taken up last, `count` times in all.
    func noteReturn(count: Int) { returns = count }

    /// Why a step was skipped.
    enum Skip: String {
        /// The gradient overflowed Float16; a smaller loss scale may help.
        case overflow
        /// The loss or the gradient is not a finite number.
        case notFinite = "not_finite"
        /// The loss lies far above the usual ones.
        case spike
    }

    /// What one step tells.
    package struct Report {
        /// Mean loss over the step's targets, in nats.
        var loss: Double
        var learningRate: Double
        /// The norm of the whole gradient before clipping; nil where it overflowed.
        var gradientNorm: Double?
        /// The scale that the step was computed with, in Float16.
        var lossScale: Double?
        /// The step's targets, over all ranks.
        var tokens: Int
        /// The parameter whose gradient is not finite, where the step was skipped for that.
        var overflowedParameter: String?
        /// How many standard deviations the loss lies above its mean, where that made it a spike and the step was skipped.
        var spike: Double?
        /// Whether losses that were spikes are the usual ones from this step on.
        var isNewLossLevel = false
        /// Why the step was skipped; nil where it was not.
        var skip: Skip?
        /// The steps of the whole training that were skipped, up to this one.
        var skippedSteps = 0
        /// How often the training has gone back to a checkpoint so far.
        var returns = 0
        /// Whether any rank was asked to stop.
        var stopRequested: Bool
    }

    /// Some rank has no batches for a step: all ranks have given it up, and stand where they stood before it.
    struct LacksBatches: Error {}

    /// One step: slots, averaging, norm, update. All ranks skip one whose gradient is not finite, on whatever rank.
    ///
    /// - Parameters:
    ///   - batches: This rank's slots; nil where they could not be read.
    ///   - stopRequested: Whether this rank was asked to stop.
    /// - Throws: `LacksBatches` where any rank has none; `AgreedFailure` where weights are not finite, or too many steps in a row were skipped; `Failure` with
    ///   `diverged` where weights or state have changed without an update.
    package func train(_ batches: [Batch]?, stopRequested: Bool) throws -> Report {
        let seed = UInt64(configuration.run.seed)
        let lossScale = scaler?.scale ?? 1
        sums.clear()
        try sums.startCounts(
            targets: (batches ?? []).reduce(0) { $0 + $1.targetCount }, stopRequested: stopRequested,
            lacksBatches: batches == nil, communicator)
        guard let batches else {
            _ = try sums.finishCounts()
            throw LacksBatches()
        }
        try replica.accumulate(
            batches, firstSlot: plan.localSlots.lowerBound, slotLosses: sums.slotLosses,
            dropouts: { Dropouts(configuration.model.dropoutRates, seed: seed, step: step, samples: $0) },
            gradientScale: {
                let counts = try sums.finishCounts()
                if counts.lacksBatches { throw LacksBatches() }
                return Float(lossScale / Double(max(1, counts.targets)))
            })
        spans.begin(.averaging)
        try averaging.finish()
        spans.end()
        spans.begin(.norm)
        frozen.clear(averaging)
        try sums.combine(squares: averaging.chunkSquares, communicator)
        spans.end()

        let counts = try sums.finishCounts()
        var report = Report(
            loss: sums.totalLoss / Double(max(1, counts.targets)), learningRate: schedule.learningRate(at: step),
            lossScale: scaler?.scale, tokens: counts.targets, stopRequested: counts.stopRequested)
        try verifyReplicas()
        // The same bits on every rank: all update or none does.
        let squares = sums.totalSquares
        switch report.loss.isFinite && squares.isFinite ? lossTrend?.judge(report.loss) : nil {
        case .spike(let deviations)?: (report.spike, report.skip) = (deviations, .spike)
        case .newLevel?: report.isNewLossLevel = true
        case .usual?, nil: break
        }
        if report.skip == .spike {
            spikeSkips += 1
        } else if report.loss.isFinite, squares.isFinite {
            let norm = squares.squareRoot() / lossScale
            report.gradientNorm = norm
            try update(norm: norm, rate: report.learningRate, lossScale: lossScale)
            skipsInARow = 0
        } else {
            let parameter = try firstOverflow()
            if !report.loss.isFinite || skipsAreExhausted { try refuseToGoOn(report.loss, parameter) }
            report.overflowedParameter = parameter
            report.skip = scaler == nil || !report.loss.isFinite ? .notFinite : .overflow
        }
        if report.skip != nil {
            skippedSteps += 1
            skipsInARow += 1
        }
        (report.skippedSteps, report.returns) = (skippedSteps, returns)
        scaler?.update(overflowed: report.overflowedParameter != nil)
        step += 1
        consumedSamples += plan.sequences
        tokens += counts.targets
        return report
    }

    /// Updates the weights of this rank's shard, and shares them.
    private func update(norm: Double, rate: Double, lossScale: Double) throws {
        let clip = Clipping.factor(norm: norm, limit: configuration.optimizer.clipNorm)
        let limit = configuration.optimizer.clipValue
        let number = step + 1 - skippedSteps
        for (index, rule) in rules.enumerated() {
            ruleSteps[index] = OptimizerStep(
                number: number, learningRate: rate * rule.learningRateScale,
                gradientScale: Float(clip / lossScale), gradientLimit: limit > 0 ? Float(limit) : .infinity)
        }
        for index in pieces.indices {
            let pieces = pieces[index]
            spans.begin(.update)
            parallel(pieces.count) { part in
                let piece = pieces[part]
                stateGuard?.compare(piece)
                guard let rule = piece.rule else { return }
                rules[rule].optimizer.update(
                    master.base + piece.masterStart, states: statePointers, stateStart: piece.stateStart,
                    gradients: UnsafePointer(averaging.gradients.base + piece.start), count: piece.count,
                    ruleSteps[rule])
                if let averages {
                    weightAverage.update(
                        averages.base + piece.stateStart, with: UnsafePointer(master.base + piece.masterStart),
                        count: piece.count, number: number)
                }
                refreshWorkingWeights(piece)
                stateGuard?.note(piece)
            }
            spans.end()
            try refuseChanges()
            spans.begin(.weights)
            try averaging.rangeIsUpdated(index)
            spans.end()
        }
        spans.begin(.weights)
        try averaging.publish()
        spans.end()
    }

    /// Rounds master weights into those that replicas compute with, where these are of another type.
    func refreshWorkingWeights(_ piece: UpdatePiece) {
        if Element.self != Float.self {
            convert(
                UnsafePointer(master.base + piece.masterStart), into: averaging.weights.base + piece.start,
                count: piece.count)
        }
    }

    /// The name of the first parameter whose averaged gradient is not finite. Every rank asks for it together.
    private func firstOverflow() throws(MPIError) -> String {
        let first = try firstParameter { parameter in
            shard.pieces(of: parameter.range).contains { piece in
                !sumOfSquares(
                    UnsafePointer(averaging.gradients.base + piece.range.lowerBound), count: piece.range.count
                ).isFinite
            }
        }
        return first?.name ?? "no parameter"
    }

    /// The first parameter that any rank finds to be so. Every rank asks for it together.
    private func firstParameter(where isSo: (Parameter) -> Bool) throws(MPIError) -> Parameter? {
        let none = layout.parameters.count
        // The first parameter has the largest number.
        let own = layout.parameters.firstIndex(where: isSo) ?? none
        let first = none - Int(try communicator.maximum(Int64(none - own)))
        return first < none ? layout.parameters[first] : nil
    }

    /// Whether no more steps may be skipped. In Float16 the loss scale comes all the way down first, however long that takes;
    /// spikes end by themselves and never exhaust it.
    private var skipsAreExhausted: Bool {
        guard let scaler else { return skipsInARow >= 10 }
        return skipsInARow >= 50 && scaler.isAtFloor
    }

    /// Ends the run where skipping the step cannot help, or has not helped. Every rank calls it.
    private func refuseToGoOn(_ loss: Double, _ parameter: String) throws {
        // Weights that one replica alone has are not what training has come to.
        try compareReplicas()
        let weights = averaging.weights.base
        let broken = try firstParameter { parameter in
            !sumOfSquares(UnsafePointer(weights + parameter.offset), count: parameter.count).isFinite
        }
        guard broken != nil || skipsAreExhausted else { return }
        isSoundAfterFailure = broken == nil && loss.isFinite
        let slot = (0..<plan.slots).first { !sums.slotLosses[$0].isFinite }
        let place =
            slot.map { "rank \(plan.rank(ofSlot: $0)): the loss of slot \($0) is not a finite number, and " }
            ?? "all ranks: "
        let tensor =
            broken.map { "the weights \($0.name) are not finite" } ?? "the gradient of \(parameter) is not finite"
        let repeated = skipsAreExhausted ? ", for \(skipsInARow + 1) steps in a row" : ""
        let advice =
            suspicion
            ?? "The last checkpoint is untouched. Lower "
            + (configuration.precision == .float16 && configuration.lossScale.floor > 1 ? "loss_scale.floor or " : "")
            + "schedule.peak, or set optimizer.clip_norm, and go on from it with --resume DIR."
        throw AgreedFailure(Failure(.internalError, "step \(step + 1), \(place)\(tensor)\(repeated). \(advice)"))
    }

    /// The advice where no step has updated weights that are of another checkpoint: they are the likely cause; nil elsewhere.
    var suspicion: String? {
        guard updates == 0, let source = configuration.fineTuning.from, let largest = largestStartingWeight else {
            return nil
        }
        let number = scientific(Double(largest.magnitude))
        return "No step since the start had finite numbers: the weights of fine_tuning.from (\(source)) are probably "
            + "too large to compute with. The largest is \(number), in \(largest.name). Take another checkpoint, or leave "
            + "tensors that are too large out with fine_tuning.skip."
    }
}
