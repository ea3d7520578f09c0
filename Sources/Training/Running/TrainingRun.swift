import Checkpoints
import Collectives
import Datasets
import Failures
import Files
import Kernels

/// The loop over steps: train, tell, evaluate, save, stop.
final class TrainingRun<Element: Storage> {
    private let configuration: Configuration
    private let data: TrainingData
    private let coordinator: Coordinator<Element>
    private let records: RunRecords?
    private let communicator: any Communicator
    private let console: Console
    private let reader: BatchReader
    private let validation: (batches: EvaluationBatches, memory: Batch)?
    private let reporter: ProgressReporter
    private let profile: RunProfile?
    private let clock = ContinuousClock()
    private let startedAt: ContinuousClock.Instant
    /// The validation loss at this step, where it was measured.
    private var validationLoss: Double?
    /// The same on every rank, which decide by it when to save and stop together.
    private var watch: MetricWatch

    init(
        _ configuration: Configuration, _ data: TrainingData, _ coordinator: Coordinator<Element>,
        _ records: RunRecords?, _ communicator: any Communicator, _ console: Console,
        startedAt: ContinuousClock.Instant, watched: CheckpointState.Watched?, profile: RunProfile?
    ) throws {
        self.profile = profile
        self.configuration = configuration
        self.data = data
        self.coordinator = coordinator
        self.records = records
        self.communicator = communicator
        self.console = console
        self.startedAt = startedAt
        reader = try communicator.together { () throws(Failure) in
            try BatchReader(
                data.training, plan: data.plan, seed: UInt64(configuration.run.seed),
                poolBatches: configuration.data.lengthPool, consumedSamples: UInt64(coordinator.consumedSamples))
        }
        validation = try communicator.together { () throws(Failure) in
            guard let samples = data.validation else { return nil }
            let batches = EvaluationBatches(
                samples, sequencesPerBatch: data.plan.sequencesPerSlot, seed: UInt64(configuration.run.seed))
            return (batches, try batches.makeBatch())
        }
        let flops = configuration.model.flopsPerTarget(
            data.sizes, targetShare: configuration.targetShare(data.sizes))
        reporter = ProgressReporter(
            console, steps: configuration.training.steps, targets: configuration.targetName, flopsPerTarget: flops,
            limit: try ProcessorLimit(measuringWith: communicator))
        watch = MetricWatch(configuration.training, restored: watched)
        if configuration.training.patience > 0, validation == nil {
            throw AgreedFailure(
                Failure(
                    .usage,
                    "training.patience: found \(configuration.training.patience); allowed: 0 for a dataset without a "
                        + "validation split, since nothing is evaluated"))
        }
    }

    /// Runs the steps that are left.
    func finish() throws -> Trainer.Outcome {
        let training = configuration.training
        if validation == nil { console.say("the dataset has no validation split: nothing is evaluated") }
        if coordinator.step >= training.steps {
            console.say(
                "the run is complete: all \(training.steps) steps are done. For more, raise training.steps and name "
                    + "the checkpoint with --resume.")
        }
        if watch.hasRunOut {
            console.say(
                "the run has stopped early at step \(coordinator.step): \(watch.reason). For more, raise "
                    + "training.patience.")
        }
        while coordinator.step < training.steps, !watch.hasRunOut {
            coordinator.spans.begin(.step, coordinator.step + 1)
            let stopRequested = try step()
            var isLast = coordinator.step == training.steps
            validationLoss = nil
            watch.beginStep()
            var isBest = false
            if coordinator.step % training.evaluateEvery == 0 || isLast { isBest = try evaluate() }
            if watch.hasRunOut {
                console.say("stopped early at step \(coordinator.step): \(watch.reason)")
                isLast = true
            }
            let mustSave = coordinator.step % training.checkpointEvery == 0 || isLast || stopRequested
            if mustSave || (isBest && training.keepBest > 0) { try save() }
            coordinator.spans.end()
            try profile?.stepDone()
            if stopRequested, !isLast {
                try profile?.finish()
                console.say("asked to stop: saved at step \(coordinator.step). The same command continues.")
                return .stopped
            }
        }
        try profile?.finish()
        summarize()
        return .finished
    }

    /// One step.
    ///
    /// - Returns: Whether any rank was asked to stop.
    private func step() throws -> Bool {
        let start = clock.now
        coordinator.spans.begin(.data)
        let batches = try reader.next()
        coordinator.spans.end()
        let report = try coordinator.train(batches, stopRequested: StopRequest.isPending())
        let seconds = (clock.now - start).seconds
        if let parameter = report.overflowedParameter {
            console.say(
                "step \(coordinator.step): skipped, the gradient of \(parameter) overflowed Float16 at loss scale "
                    + "\(fixed(report.lossScale ?? 1, 0)); the scale is now \(fixed(coordinator.scaler?.scale ?? 1, 0))"
            )
        }
        try records?.log(report.metrics(step: coordinator.step, seconds: seconds))
        reporter.stepDone(coordinator.step, report, seconds: seconds)
        return report.stopRequested
    }

    /// Evaluates on the validation split.
    ///
    /// - Returns: Whether the watched metric is the best so far.
    /// - Throws: `AgreedFailure` with `usage` where this training does not measure the metric.
    private func evaluate() throws -> Bool {
        guard let validation else { return false }
        coordinator.spans.begin(.evaluation)
        defer { coordinator.spans.end() }
        let start = clock.now
        let scores = try coordinator.withAveragedWeights {
            try coordinator.replica.forwardPass.scores(of: validation.batches, validation.memory, communicator)
        }
        // A configuration that names a metric that is not measured has been refused.
        let isBest = watch.note(scores.named.first { $0.metric == watch.metric }?.value ?? .nan)
        validationLoss = scores.loss
        let step = coordinator.step
        let named = scores.named.map { JSON.Member($0.metric.rawValue, .number($0.value)) }
        let seconds = JSON.Member("validation_seconds", .number((clock.now - start).seconds))
        try records?.log(.object([JSON.Member("step", .integer(step))] + named + [seconds]))
        console.say("step \(step): \(scores.summary)\(isBest ? ", the best so far" : "")")
        return isBest
    }

    /// Writes a checkpoint.
    private func save() throws {
        coordinator.spans.begin(.checkpoint)
        defer { coordinator.spans.end() }
        let state = coordinator.checkpointState(
            validationLoss: validationLoss, watched: watch.state)
        try coordinator.save { files throws(Failure) in try records?.save(state, files) }
    }

    private func summarize() {
        guard let records else { return }
        let seconds = (clock.now - startedAt).seconds
        if let best = watch.state.best { console.say("best \(watch.metric.words): \(fixed(best, 4))") }
        console.say(
            "\(configuration.targetName): \(grouped(coordinator.tokens)) in \(coordinator.step) steps, \(clockTime(seconds)) in this run"
        )
        if let checkpoint = records.newestCheckpoint {
            console.say("checkpoint: \(checkpoint)")
            console.say(data.description.use(of: checkpoint))
        }
    }
}
