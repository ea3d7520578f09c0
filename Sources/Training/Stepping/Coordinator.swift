import Averaging
import Checkpoints
import Collectives
import Datasets
import Failures
import Kernels
import Layers
import Models
import Numbers
import Optimizers
import Profiling
import Reporting
import Settings
import Tensors
import Threads

/// The training state of a rank, and the training step that updates it, deterministically and in the same way on all
/// ranks.
///
/// It holds the counters, the schedule, the loss scaler, and this rank's shard of the master weights and optimizer
/// state. In a step, the rank's replica computes the gradients of its micro-batches; the coordinator averages them over
/// ranks and updates the shard.
package final class Coordinator<Element: Storage> {
    /// The number of completed steps, including skipped ones.
    package private(set) var step = 0
    /// The position in the sample stream.
    private(set) var consumedSamples = 0
    /// The number of targets trained on so far.
    private(set) var tokens = 0
    /// The number of steps without an update, for any reason.
    private(set) var skippedSteps = 0
    /// The number of steps that were skipped because of a loss spike.
    private(set) var spikeSkips = 0
    /// The number of rollbacks to a checkpoint because of a loss spike.
    private(set) var returns = 0
    /// The loss scaler; nil in Float32.
    private(set) var scaler: LossScaler?

    /// The layout of the trained parameters: those of the adapters, if there are any, otherwise those of the model.
    let layout: ParameterLayout
    /// The weights of the model if only adapters are trained; nil otherwise.
    let frozenWeights: FrozenWeights<Element>?
    /// The weights of the shard, which the optimizer updates.
    let master: MasterWeights<Element>
    /// The optimizer state of the shard, one arena per state name.
    let states: [Arena<Float>]
    /// The moving average of the shard's weights; nil if none is configured.
    let averages: Arena<Float>?
    let optimizer: any Optimizer
    let replica: Replica<Element>
    let averaging: any GradientAveraging<Element>
    /// The recorder of the time spent in each part of a step; it is off until started.
    package let spans = SpanRecorder()
    /// Whether the weights of other ranks may still be arriving.
    private var weightsAreUnderWay = false
    private let waitingTime = WaitingTime()
    /// The waiting time that earlier steps have reported.
    private var reportedWaiting = 0.0
    /// Why the preferred averaging strategy is unavailable; nil if it is available.
    let averagingWarning: String?

    private let configuration: Configuration
    let communicator: any Communicator
    private let plan: BatchPlan
    private let schedule: Schedule
    private let statePointers: [UnsafeMutablePointer<Float>]
    private let sums: StepSums
    private let clock = ContinuousClock()
    private let shard: Shard
    /// The pieces of each range of the shard: the units of the update, each at most a chunk, of one parameter.
    let pieces: [[UpdatePiece]]
    private let rules: [ParameterRules.Rule]
    /// The parameters of the current step for each rule.
    private var ruleSteps: [OptimizerStep]
    private let frozen: FrozenParameters
    private let weightAverage: WeightAverage
    /// nil if verification is off.
    private(set) var stateGuard: StateGuard?
    /// nil if verification is off, or if ranks share one copy of the weights.
    private(set) var replicaChecksums: ReplicaChecksums?
    /// The interval between comparisons of all replicas, in steps.
    var verifyEvery: Int { configuration.training.verifyEvery }
    /// The number of consecutive steps without an update.
    private(set) var skipsInARow = 0
    /// Whether weights and state after the last failure of `train` are still those of the last update, and can be
    /// saved.
    private(set) var isSoundAfterFailure = false
    /// The parameter with the largest absolute value among those loaded from another checkpoint; nil if none were.
    var largestStartingWeight: (name: String, magnitude: Float)?
    /// nil if spike detection is off.
    private(set) var lossTrend: LossTrend?

    /// Creates the state of a run at step 0: random weights, everything else zero. Collective: every rank calls it.
    ///
    /// - Parameter recomputation: What the backward pass computes again.
    /// - Throws: `AgreedFailure` with `usage` if the configuration names parameters that the model does not have.
    package init(
        _ configuration: Configuration, _ sizes: ModelSizes, plan: BatchPlan, recomputation: Recomputation = .none,
        _ communicator: any Communicator
    ) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.plan = plan
        let model = Transformer<Element>(configuration.model, sizes, configuration.fineTuning.adaptation)
        let layout = model.layout.trained
        self.layout = layout
        let rules: ParameterRules
        do throws(Failure) {
            rules = try ParameterRules(configuration.optimizer, layout)
        } catch {
            // The error is the same on every rank, because all ranks have the same names and patterns.
            throw AgreedFailure(error)
        }
        self.rules = rules.rules
        ruleSteps = rules.rules.map { _ in OptimizerStep(number: 0, learningRate: 0) }
        let choice = try AveragingChoice<Element>(configuration.averaging, layout: layout, communicator, spans)
        (averaging, averagingWarning) = (choice.averaging, choice.warning)
        frozenWeights =
            try model.layout.adaptation == nil
            ? nil : FrozenWeights(count: model.layout.count, isShared: !averaging.hasReplicas, communicator)
        let shard = averaging.shards[communicator.rank]
        self.shard = shard
        master = MasterWeights(of: averaging.weights, shard)
        optimizer = makeOptimizer(configuration.optimizer)
        states = optimizer.stateNames.map { _ in Arena(count: shard.count) }
        statePointers = states.map(\.base)
        averages = configuration.training.emaDecay > 0 ? Arena(count: shard.count) : nil
        weightAverage = WeightAverage(decay: configuration.training.emaDecay)
        schedule = configuration.makeSchedule()
        replica = Replica(
            model, configuration.loss, averaging: averaging, frozen: frozenWeights?.arena,
            slots: plan.localSlots.count, sequencesPerSlot: plan.sequencesPerSlot, recomputation, spans: spans)
        sums = StepSums(slots: plan.slots, elements: layout.count, ranks: communicator.size)
        spans.observers = [waitingTime]
        pieces = UpdatePiece.all(of: shard, layout, rules.indices)
        frozen = FrozenParameters(rules.indices, shard, layout)
        scaler = configuration.makeLossScaler()
        if configuration.training.spikeZScore > 0 { lossTrend = LossTrend(limit: configuration.training.spikeZScore) }
        if configuration.training.verifyEvery > 0 {
            stateGuard = makeStateGuard()
            if averaging.hasReplicas { replicaChecksums = ReplicaChecksums(count: layout.parameters.count) }
        }
        try initializeWeights()
    }

    /// Initializes the weights randomly; each rank initializes its shard, on all of its threads.
    private func initializeWeights() throws(MPIError) {
        let (seed, layout) = (UInt64(configuration.run.seed), layout)
        master.forEach(in: 0..<layout.count) { part, weights in
            parallel(part.count, grain: chunkElements, multiple: chunkElements) { range in
                let elements = part.lowerBound + range.lowerBound..<part.lowerBound + range.upperBound
                layout.initialize(elements, into: weights + range.lowerBound, seed: seed)
            }
        }
        try shareWeights()
    }

    /// Sets the working weights of all replicas and the moving average to the master weights. Collective: every rank
    /// calls it.
    func shareWeights() throws(MPIError) {
        for (index, pieces) in pieces.enumerated() {
            for piece in pieces {
                master.refreshWorkingWeights(piece)
                averages.map {
                    ($0.base + piece.stateStart).update(from: master.at(piece), count: piece.count)
                }
                stateGuard?.note(piece)
            }
            try averaging.rangeIsUpdated(index)
        }
        try averaging.publish()
    }

    /// Restores the counters of a checkpoint, whose tensors have been loaded already.
    ///
    /// - Parameter consumedSamples: The position in the sample stream; nil: that of the checkpoint.
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

    /// The time that each rank has computed in the last step, without waiting for others; shape [ranks].
    var computedSeconds: UnsafeBufferPointer<Double> {
        UnsafeBufferPointer(rebasing: sums.times[..<communicator.size])
    }

    /// The number of steps that have updated the weights.
    var updates: Int { step - skippedSteps }

    /// The numbers of skipped steps by reason, for messages.
    var skipCounts: String {
        let others = skippedSteps - spikeSkips
        return [(spikeSkips, "because of a spike"), (others, "because of a value that is not finite")]
            .filter { $0.0 > 0 }.map { "\($0) \($1)" }.joined(separator: ", ")
    }

    /// Sets the total number of rollbacks, after a checkpoint was restored because of a spike.
    func noteReturn(count: Int) { returns = count }

    /// The reason why a step was skipped.
    enum Skip: String {
        /// The gradient overflowed Float16; a smaller loss scale may help.
        case overflow
        /// The loss or the gradient is not finite.
        case notFinite = "not_finite"
        /// The loss is far above the recent ones.
        case spike
    }

    /// The results of one step.
    package struct Report {
        /// The mean loss over the step's targets, in nats for classification losses.
        var loss: Double
        var learningRate: Double
        /// The norm of the whole gradient before clipping; nil if the step was skipped.
        var gradientNorm: Double?
        /// The loss scale of the step; nil in Float32.
        var lossScale: Double?
        /// The number of targets of the step, over all ranks.
        var tokens: Int
        /// The first parameter whose gradient is not finite, if that is why the step was skipped.
        var overflowedParameter: String?
        /// The number of standard deviations of the loss above its mean, if the step was skipped because of a spike.
        var spike: Double?
        /// Whether the loss level of recent spikes is accepted as normal from this step on.
        var isNewLossLevel = false
        /// Why the step was skipped; nil if it was not.
        var skip: Skip?
        /// The number of skipped steps of the run, including this one.
        var skippedSteps = 0
        /// The number of rollbacks of the run.
        var returns = 0
        /// The time that a rank has waited for others and the network since the last step, in seconds; mean over ranks.
        var waitedSeconds = 0.0
        /// Whether any rank was asked to stop.
        var stopRequested: Bool
    }

    /// The error if some rank has no batches for a step: all ranks abandon the step, and their state is unchanged.
    struct LacksBatches: Error {}

    /// Executes one step: gradients of the micro-batches, averaging, norm and update. If the gradient is not finite on
    /// any rank, all ranks skip the update. Collective: every rank calls it.
    ///
    /// - Parameters:
    ///   - batches: This rank's micro-batches; nil if they could not be read.
    ///   - stopRequested: Whether this rank was asked to stop. Read at the start and again at the end of the gradients,
    ///     so that the run does not need another step to notice a request.
    /// - Throws: `LacksBatches` if any rank has none; `AgreedFailure` if weights are not finite, or too many
    ///   consecutive steps were skipped; `Failure` with `diverged` if weights or state have changed without an update.
    package func train(_ batches: [Batch]?, stopRequested: @autoclosure () -> Bool) throws -> Report {
        let seed = UInt64(configuration.run.seed)
        let lossScale = scaler?.scale ?? 1
        let (start, waitingBefore) = (clock.now, waitingTime.seconds)
        sums.clear()
        try sums.startCounts(
            targets: (batches ?? []).reduce(0) { $0 + $1.targetCount }, stopRequested: stopRequested(),
            lacksBatches: batches == nil, communicator)
        guard let batches else {
            try completeWeights()
            _ = try sums.finishCounts()
            throw LacksBatches()
        }
        try replica.accumulate(
            batches, firstSlot: plan.localSlots.lowerBound, slotLosses: sums.slotLosses,
            dropouts: { samples in
                (
                    Dropouts(configuration.model.dropoutRates, seed: seed, step: step, samples: samples),
                    Dropout(
                        rate: configuration.fineTuning.adaptation?.dropout ?? 0, seed: seed, step: step,
                        samples: samples,
                        for: .adapterDropout)
                )
            },
            awaitWeights: { section in
                guard weightsAreUnderWay else { return }
                guard let section else { return try completeWeights() }
                try spans.measure(.weights) { try averaging.requireWeights(of: section) }
            },
            gradientScale: {
                let counts = try spans.measure(.waiting) { () throws(MPIError) in try sums.finishCounts() }
                if counts.lacksBatches { throw LacksBatches() }
                return Float(lossScale / Double(max(1, counts.targets)))
            })
        let computed = (clock.now - start).seconds - (waitingTime.seconds - waitingBefore)
        try spans.measure(.averaging) { try averaging.finish() }
        let lateRequest = try spans.measure(.norm) {
            frozen.clear(averaging)
            let isLate = try sums.combine(
                squares: averaging.chunkSquares, computed: computed, waited: waitingTime.seconds - reportedWaiting,
                stopRequested: stopRequested(), communicator)
            reportedWaiting = waitingTime.seconds
            return isLate
        }

        let counts = try sums.finishCounts()
        var report = Report(
            loss: sums.totalLoss / Double(max(1, counts.targets)), learningRate: schedule.learningRate(at: step),
            lossScale: scaler?.scale, tokens: counts.targets,
            waitedSeconds: sums.times[communicator.size...].reduce(0, +) / Double(communicator.size),
            stopRequested: counts.stopRequested || lateRequest)
        try verifyReplicas()
        // Same bits on every rank: either all ranks update or none does.
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

    /// Updates the weights of this rank's shard, and publishes them.
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
            spans.measure(.update) {
                parallel(pieces.count) { part in update(pieces[part], number: number) }
            }
            try refuseChanges()
            try spans.measure(.weights) { try averaging.rangeIsUpdated(index) }
        }
        weightsAreUnderWay = true
        // Otherwise they are awaited by the next forward pass.
        if !averaging.publishesBySection { try completeWeights() }
    }

    /// Updates the weights of a piece and all that follows them, and compares what they were with the last update.
    private func update(_ piece: UpdatePiece, number: Int) {
        guard let rule = piece.rule else {
            stateGuard?.compare(piece)
            return
        }
        let weights = master.at(piece)
        let changes = rules[rule].optimizer.update(
            UpdateMemory(
                weights: weights, working: master.working(piece), states: statePointers, stateStart: piece.stateStart,
                gradients: UnsafePointer(averaging.gradients.base + piece.start), count: piece.count),
            ruleSteps[rule])
        let averageChange = averages.map {
            weightAverage.update(
                $0.base + piece.stateStart, with: UnsafePointer(weights), count: piece.count, number: number)
        }
        guardUpdate(of: piece, changes, averageChange)
    }

    /// Waits until the weights hold the last update of all ranks. Every rank calls it before it reads or writes weights
    /// outside of a step.
    package func completeWeights() throws(MPIError) {
        guard weightsAreUnderWay else { return }
        weightsAreUnderWay = false
        try spans.measure(.weights) { () throws(MPIError) in try averaging.publish() }
    }

    /// The sum of the losses of a batch of an evaluation, computed by this rank alone.
    package func evaluationLoss(of batch: Batch) -> Double { replica.forwardPass.loss(of: batch) }

    /// The name of the first parameter whose averaged gradient is not finite. Collective: every rank calls it.
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

    /// The first parameter for which `isSo` is true on any rank. Collective: every rank calls it.
    private func firstParameter(where isSo: (Parameter) -> Bool) throws(MPIError) -> Parameter? {
        let none = layout.parameters.count
        // The first parameter must have the largest number, because the reduction is a maximum.
        let own = layout.parameters.firstIndex(where: isSo) ?? none
        let first = none - Int(try communicator.maximum(Int64(none - own)))
        return first < none ? layout.parameters[first] : nil
    }

    /// Whether no further step may be skipped. In Float16 the loss scale must have reached its minimum first, however
    /// long that takes. Checked only when a loss or gradient is not finite, not at spikes, which end by themselves.
    private var skipsAreExhausted: Bool {
        guard let scaler else { return skipsInARow >= 10 }
        return skipsInARow >= 50 && scaler.isAtFloor
    }

    /// Throws if skipping the step cannot help or has not helped. Collective: every rank calls it.
    private func refuseToGoOn(_ loss: Double, _ parameter: String) throws {
        // Corruption of a single replica is reported as such, not as divergence of the training.
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
            + "schedule.peak, or set optimizer.clip_norm, and resume from it with --resume DIR."
        throw AgreedFailure(Failure(.internalError, "step \(step + 1), \(place)\(tensor)\(repeated). \(advice)"))
    }

    /// Advice if no step has updated weights that were loaded from another checkpoint, which are then the likely cause;
    /// otherwise nil.
    var suspicion: String? {
        guard updates == 0, let source = configuration.fineTuning.from, let largest = largestStartingWeight else {
            return nil
        }
        let number = scientific(Double(largest.magnitude))
        return "No step since the start had finite values: the weights of fine_tuning.from (\(source)) are probably "
            + "too large to compute with. The largest is \(number), in \(largest.name). Use another checkpoint, or exclude "
            + "tensors that are too large with fine_tuning.skip."
    }
}
