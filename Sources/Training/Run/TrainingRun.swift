import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Inference
import Numbers
import Reporting
import Resources
import Settings
import Texts
import Watching

/// The training loop: steps, progress reports, evaluations, checkpoints and stopping.
final class TrainingRun<Element: Storage> {
    private let configuration: Configuration
    private let data: TrainingData
    private let coordinator: Coordinator<Element>
    private let records: RunRecords?
    private let heartbeats: Heartbeats
    private let communicator: any Communicator
    private let console: Console
    private let reader: BatchReader
    /// The validation data: one split, or those of the parts of a mixture with their names; empty if there are none.
    private let validation: [(name: String?, batches: EvaluationBatches, memory: Batch)]
    private let reporter: ProgressReporter
    private let profile: RunProfile?
    private let resumption: Resumption
    private let clock = ContinuousClock()
    private var memory = PeakMemoryGauge()
    private let startedAt: ContinuousClock.Instant
    /// The step at which this start of the run began.
    private let firstStep: Int
    /// The validation loss at the current step, if it was evaluated.
    private var validationLoss: Double?
    /// The same on every rank: ranks use it to decide together when to save and stop.
    private var watch: MetricWatch
    /// Whether the evaluation of the current step was interrupted by a request to stop.
    private var evaluationIsPending: Bool
    /// Whether the last step caused a rollback to a checkpoint.
    private var hasGoneBack = false
    /// The step of the last rollback's checkpoint, and the number of consecutive rollbacks to it.
    private var returns = (step: -1, count: 0)
    private var stragglers: StragglerWatch
    /// The number of updates in the newest checkpoint.
    private var savedUpdates: Int

    init(
        _ configuration: Configuration, _ data: TrainingData, _ coordinator: Coordinator<Element>,
        _ records: RunRecords?, _ heartbeats: Heartbeats, _ communicator: any Communicator, _ console: Console,
        startedAt: ContinuousClock.Instant, resumption: Resumption, restored: CheckpointState?, profile: RunProfile?
    ) throws {
        self.resumption = resumption
        evaluationIsPending = restored?.evaluationIsPending ?? false
        firstStep = coordinator.step
        savedUpdates = coordinator.updates
        self.profile = profile
        self.configuration = configuration
        self.data = data
        self.coordinator = coordinator
        self.records = records
        self.heartbeats = heartbeats
        self.communicator = communicator
        self.console = console
        self.startedAt = startedAt
        reader = try communicator.together { () throws(Failure) in
            try BatchReader(
                data.training, plan: data.plan, seed: UInt64(configuration.run.seed),
                poolBatches: configuration.data.lengthPool, consumedSamples: UInt64(coordinator.consumedSamples))
        }
        validation = try communicator.together { () throws(Failure) in
            let whole = data.validation.map { [(name: String?.none, samples: $0)] } ?? []
            let parts = data.partValidation.map { (name: String?.some($0.name), samples: $0.samples) }
            return try (parts.isEmpty ? whole : parts).map { name, samples throws(Failure) in
                let batches = EvaluationBatches(
                    samples, sequencesPerBatch: data.plan.sequencesPerSlot, seed: UInt64(configuration.run.seed))
                return (name, batches, try batches.makeBatch())
            }
        }
        let flops = configuration.model.flopsPerTarget(
            data.sizes, targetShare: configuration.targetShare(data.sizes))
        reporter = ProgressReporter(
            console, steps: configuration.training.steps, targets: configuration.targetName,
            isSmoothed: configuration.objective.labelSmoothing > 0, flopsPerTarget: flops,
            limit: try ProcessorLimit(configuration.precision.format, measuringWith: communicator))
        watch = MetricWatch(configuration.training, restored: restored?.watched)
        // Only rank 0 prints notices.
        stragglers = StragglerWatch(
            factor: configuration.training.stragglerFactor, hosts: try communicator.gather(hostName()))
        if configuration.training.patience > 0, validation.isEmpty {
            throw AgreedFailure(
                Failure(
                    .usage,
                    "training.patience: found \(configuration.training.patience); allowed: 0 for a dataset without a "
                        + "validation split, which cannot be evaluated"))
        }
    }

    /// Whether step losses include label smoothing; validation losses do not.
    private var isSmoothed: Bool { configuration.objective.labelSmoothing > 0 }

    /// Executes the remaining steps.
    func finish() throws -> Trainer.Outcome {
        let training = configuration.training
        if validation.isEmpty { console.say("the dataset has no validation split: nothing is evaluated") }
        if coordinator.step >= training.steps, !evaluationIsPending {
            console.say(
                "the run is complete: \(counted(coordinator.step, "step")) of \(grouped(training.steps)) done."
                    + (records.map { " For more, such as twice as many: \(prolongingCommand($0))" } ?? ""))
        }
        if watch.hasRunOut {
            console.say(
                "the run has stopped early at step \(coordinator.step): \(watch.reason). For more, raise "
                    + "training.patience.")
        }
        // The step from which the run is resumed still needs its evaluation.
        if evaluationIsPending {
            let wasStopped = try coordinator.spans.measure(.step, coordinator.step) {
                try completeStep(stopRequested: false)
            }
            if wasStopped { return .stopped }
        }
        while coordinator.step < training.steps, !watch.hasRunOut {
            let wasStopped = try coordinator.spans.measure(.step, coordinator.step + 1) {
                try completeStep(stopRequested: try step())
            }
            profile?.stepDone()
            if wasStopped {
                profile?.finish()
                return .stopped
            }
        }
        profile?.finish()
        try requireLearning()
        summarize()
        return .finished
    }

    /// A command that doubles the number of steps of a complete run and resumes it; it works in any directory.
    private func prolongingCommand(_ records: RunRecords) -> String {
        let run = RunDirectory(FileSystem.absolute(configuration.run.directory))
        var words = ["dtrain", "--config", run.configuration, "--output", run.path]
        words += ["--set", "training.steps=\(2 * configuration.training.steps)"]
        // Paths in the configuration are relative to the directory in which the run was started.
        let data = FileSystem.absolute(configuration.data.directory)
        let isMixture = !configuration.data.mixture.isEmpty
        if !isMixture, data.exact != configuration.data.directory.exact { words.append("data.directory=\(data)") }
        if let checkpoint = records.start.checkpoint {
            words += ["--resume", FileSystem.absolute(checkpoint.directory)]
        }
        return words.map(shellWord).joined(separator: " ")
    }

    /// Throws if a run has completed its steps without learning anything, or without learning anything in its last
    /// steps.
    private func requireLearning() throws {
        let finding: String
        if coordinator.step > 0, coordinator.updates == 0 {
            finding =
                "none of the \(grouped(coordinator.step)) steps updated the weights (\(coordinator.skipCounts)): nothing was learned"
        } else if coordinator.skipsInARow >= (coordinator.scaler == nil ? 3 : 10) {
            // A decreasing loss scale skips a few steps in a row, so the limit is higher in Float16.
            finding =
                "the last \(coordinator.skipsInARow) steps were skipped (\(coordinator.skipCounts)): nothing was learned in them"
        } else if let loss = validationLoss, !loss.isFinite {
            finding = "the run ends with a validation loss that is not a finite number"
        } else {
            return
        }
        let advice =
            coordinator.suspicion
            ?? "Lower schedule.peak, or choose another loss_scale or training.spike_zscore, and start from scratch with --resume none."
        throw AgreedFailure(
            Failure(.internalError, "\(finding). metrics.jsonl records why each step was skipped. \(advice)"))
    }

    /// Evaluates and saves if they are due at this step.
    ///
    /// - Returns: Whether the run stops here because it was asked to.
    private func completeStep(stopRequested: Bool) throws -> Bool {
        let training = configuration.training
        var stopRequested = stopRequested
        var isLast = coordinator.step == training.steps
        // After a rollback the values are those of the checkpoint.
        if !hasGoneBack {
            (validationLoss, evaluationIsPending) = (nil, false)
            watch.beginStep()
        }
        var isBest = false
        if hasGoneBack {
            if stopRequested { try save(isLast: true) }
        } else if coordinator.step % training.evaluateEvery == 0 || isLast {
            let evaluated = try evaluateOrEnd()
            isBest = evaluated ?? false
            // A request to stop interrupts an evaluation.
            if evaluated == nil, !validation.isEmpty { (stopRequested, evaluationIsPending) = (true, true) }
        }
        if watch.hasRunOut {
            console.say("stopped early at step \(coordinator.step): \(watch.reason)")
            isLast = true
        }
        let mustSave = coordinator.step % training.checkpointEvery == 0 || isLast || stopRequested
        if !hasGoneBack, mustSave || (isBest && training.keepBest > 0) { try save(isLast: isLast || stopRequested) }
        guard stopRequested, !isLast || evaluationIsPending else { return false }
        console.say("asked to stop: saved at step \(coordinator.step). \(resumption.continuation)")
        return true
    }

    /// Evaluates; if the validation split cannot be read, saves and ends the run.
    private func evaluateOrEnd() throws -> Bool? {
        do { return try coordinator.spans.measure(.evaluation) { try evaluate() } } catch let agreed as AgreedFailure {
            evaluationIsPending = true
            throw saving(agreed.failure)
        }
    }

    /// Saves, because the run ends with a failure of its data. Collective: every rank calls it.
    ///
    /// - Returns: The failure, with the result of saving and a remedy.
    private func saving(_ failure: Failure) -> any Error {
        let step = coordinator.step
        guard step > firstStep else { return AgreedFailure(failure) }
        do {
            try save(isLast: true)
        } catch let agreed as AgreedFailure {
            return AgreedFailure(
                Failure(
                    failure.exitCode,
                    "\(failure.message) Step \(step) could not be saved either: \(agreed.failure.message)"))
        } catch {
            return error
        }
        return AgreedFailure(
            Failure(
                failure.exitCode,
                "\(failure.message) Step \(step) is saved: repeat the same command to resume from it when the data can "
                    + "be read again."))
    }

    /// Trains on the next batches; if any rank has none, saves and ends the run.
    private func train(_ batches: Result<[Batch], Failure>) throws -> Coordinator<Element>.Report {
        do {
            return try coordinator.train(try? batches.get(), stopRequested: StopRequest.isPending())
        } catch let agreed as AgreedFailure
            where coordinator.isSoundAfterFailure && coordinator.updates > savedUpdates
        {
            // Too many consecutive steps were skipped.
            try save(isLast: true)
            throw AgreedFailure(
                Failure(
                    agreed.failure.exitCode,
                    agreed.failure.message + " The previous steps are saved as step \(coordinator.step)."))
        } catch is Coordinator<Element>.LacksBatches {
            do {
                try communicator.together { () throws(Failure) in
                    if case .failure(let failure) = batches { throw communicator.namingHost(failure) }
                }
            } catch let agreed as AgreedFailure {
                throw saving(agreed.failure)
            }
            preconditionFailure("a rank lacks batches, but no rank reports a failure")
        }
    }

    /// Reads the batches and executes one step.
    ///
    /// - Returns: Whether any rank was asked to stop.
    private func step() throws -> Bool {
        let start = clock.now
        let batches = coordinator.spans.measure(.data) { () -> Result<[Batch], Failure> in
            do throws(Failure) { return .success(try reader.next()) } catch { return .failure(error) }
        }
        hasGoneBack = false
        let report = try train(batches)
        let seconds = (clock.now - start).seconds
        if let parameter = report.overflowedParameter {
            console.say(
                report.lossScale.map {
                    "step \(coordinator.step): skipped, the gradient of \(parameter) overflowed Float16 at loss scale "
                        + "\(fixed($0, 0)); the scale is now \(fixed(coordinator.scaler?.scale ?? 1, 0))"
                } ?? "step \(coordinator.step): skipped, the gradient of \(parameter) is not finite"
            )
        }
        if report.isNewLossLevel {
            console.say(
                "step \(coordinator.step): the loss, \(fixed(report.loss, 4)), has been a spike for \(LossTrend.patience) "
                    + "steps in a row: this level is taken as normal from now on")
        }
        if let spike = report.spike { try answer(spike, report.loss) }
        if hasGoneBack { return report.stopRequested }
        if let notice = stragglers.note(coordinator.computedSeconds) { console.say(notice) }
        // Only rank 0 reports it.
        let resident = communicator.rank == 0 ? memory.peakBytes(at: clock.now) : 0
        try records?.log(report.metrics(step: coordinator.step, seconds: seconds, residentBytes: resident))
        try logHistograms(report)
        try records?.takeUpSave()
        reporter.stepDone(coordinator.step, report, seconds: seconds, residentBytes: resident)
        return report.stopRequested
    }

    /// Adds histograms of weights and gradients to the event file, if they are due at this step.
    private func logHistograms(_ report: Coordinator<Element>.Report) throws {
        let every = configuration.training.histogramsEvery
        guard configuration.training.tensorboard, every > 0, coordinator.step % every == 0 else { return }
        let histograms = try coordinator.histograms(
            hasGradients: report.skip == nil, lossScale: report.lossScale ?? 1)
        try records?.log(histograms, step: coordinator.step)
    }

    /// Responds to a spike of the loss as configured.
    ///
    /// - Throws: `AgreedFailure` with `internalError` if the response is to stop, or if repeated rollbacks have not
    ///   helped.
    private func answer(_ spike: Double, _ loss: Double) throws {
        let step = coordinator.step
        let what = "the loss, \(fixed(loss, 4)), is \(fixed(spike, 1)) standard deviations above its mean"
        switch configuration.training.spikeAction {
        case .skip: console.say("step \(step): skipped, \(what)")
        case .stop: throw spikeFailure(step, what)
        case .back:
            let (consumed, returnsInAll) = (coordinator.consumedSamples, coordinator.returns + 1)
            // A background save is completed and verified, then the newest valid checkpoint is searched for and read.
            let taken = try heartbeats.allowing(bytes: 4 * coordinator.savedBytes) {
                let found = try communicator.together { () throws(Failure) in try records?.newestValid() }
                return try coordinator.takeUp(found, consumedSamples: consumed)
            }
            guard let state = taken else {
                console.say("step \(step): skipped, \(what), and there is no checkpoint to roll back to")
                return
            }
            returns = (state.step, returns.step == state.step ? returns.count + 1 : 1)
            if returns.count > 3 { throw spikeFailure(step, what) }
            try communicator.together { () throws(Failure) in try records?.forget(afterStep: state.step) }
            coordinator.noteReturn(count: returnsInAll)
            savedUpdates = coordinator.updates
            watch = MetricWatch(configuration.training, restored: state.watched)
            (validationLoss, evaluationIsPending) = (state.validationLoss, state.evaluationIsPending)
            hasGoneBack = true
            console.say(
                "step \(step): \(what); rolled back to the checkpoint of step \(state.step), and these samples are skipped"
            )
        }
    }

    private func spikeFailure(_ step: Int, _ what: String) -> AgreedFailure {
        AgreedFailure(
            Failure(
                .internalError,
                "step \(step), all ranks: \(what). The last checkpoint is untouched. Lower schedule.peak, or set "
                    + "training.spike_action to skip."))
    }

    /// Evaluates the validation split.
    ///
    /// - Returns: Whether the watched metric is the best so far; nil if there is no validation split, or if a request
    ///   to stop interrupted the evaluation.
    private func evaluate() throws -> Bool? {
        if validation.isEmpty { return nil }
        let start = clock.now
        let found = try coordinator.withAveragedWeights {
            try validation.map { part in
                try coordinator.replica.forwardPass.scores(
                    of: part.batches, part.memory, communicator, unless: StopRequest.isPending)
            }
        }
        let all = found.compactMap(\.self)
        guard all.count == found.count else { return nil }
        let scores = all.count == 1 ? all[0] : Scores(of: all)
        let parts = zip(validation, all).compactMap { part, scores in part.name.map { (name: $0, loss: scores.loss) } }
        // Configurations whose metric is not available for their task are rejected earlier.
        let step = coordinator.step
        let isBest = watch.note(scores.named.first { $0.metric == watch.metric }?.value ?? .nan, step: step)
        validationLoss = scores.loss
        reporter.validation = watch.state.value.flatMap { value in watch.state.best.map { (value, $0) } }
        let named = scores.named.map { JSON.Member($0.metric.rawValue, .number($0.value)) }
        let seconds = JSON.Member("validation_seconds", .number((clock.now - start).seconds))
        let losses = parts.map { JSON.Member("\(ValidationMetric.loss.rawValue)_\($0.name)", .number($0.loss)) }
        let waited = watch.state.evaluationsWithoutImprovement
        let patience =
            configuration.training.patience > 0
            ? [JSON.Member("evaluations_without_improvement", .integer(waited))] : []
        try records?.log(.object([JSON.Member("step", .integer(step))] + named + losses + [seconds] + patience))
        console.say("step \(step): \(scores.summary(isUnsmoothed: isSmoothed))\(isBest ? ", the best so far" : "")")
        if !parts.isEmpty {
            console.say("  loss of \(parts.map { "\($0.name) \(fixed($0.loss, 4))" }.joined(separator: ", "))")
        }
        return isBest
    }

    /// Writes a checkpoint, or starts to in the background.
    ///
    /// - Parameter isLast: Whether this is the final save, which is synchronous.
    private func save(isLast: Bool) throws {
        let state = coordinator.checkpointState(
            validationLoss: validationLoss, evaluationIsPending: evaluationIsPending, watched: watch.state)
        try coordinator.spans.measure(.checkpoint) {
            // The previous save may have to be completed first; both checkpoints are read back.
            try heartbeats.allowing(bytes: 4 * coordinator.savedBytes) {
                try coordinator.save { files throws(Failure) in try records?.save(state, files, isLast: isLast) }
            }
        }
        savedUpdates = coordinator.updates
    }

    private func summarize() {
        guard let records else { return }
        // Everything is saved, so failing to update the marker is not an error of the run.
        let best = (try? records.bestCheckpoint()) ?? nil
        let seconds = (clock.now - startedAt).seconds
        if let value = watch.state.best {
            let isKept = best?.state.watched?.value == value
            let step = isKept ? best?.step : watch.state.bestStep
            console.say(
                "best \(watch.metric.words)\(isSmoothed && watch.metric == .loss ? " (unsmoothed)" : ""): \(fixed(value, 4))"
                    + (step.map { " at step \($0)" } ?? "")
                    + (isKept ? ": \(best?.directory ?? "")" : ", whose checkpoint was not kept"))
        }
        console.say(
            "\(configuration.targetName): \(grouped(coordinator.tokens)) in \(counted(coordinator.step, "step")), "
                + "\(clockTime(seconds)) in this run"
        )
        if coordinator.skippedSteps > 0 {
            console.say("steps without an update: \(coordinator.skipCounts)")
        }
        if let checkpoint = records.newestCheckpoint {
            console.say("checkpoint: \(checkpoint)")
            let useful = best.flatMap {
                $0.step < coordinator.step ? RunDirectory(configuration.run.directory).best : nil
            }
            console.say(data.description.use(of: useful ?? checkpoint))
        }
    }
}
