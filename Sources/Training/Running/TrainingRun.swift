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
    private let validation: (batches: EvaluationBatches, memory: TokenBatch)?
    private let reporter: ProgressReporter
    private let profile: RunProfile?
    private let clock = ContinuousClock()
    private let startedAt: ContinuousClock.Instant
    /// The validation loss at this step, where it was measured, and the lowest so far: the same on every rank, which
    /// decide by it when to save together.
    private var validationLoss: Double?
    private var bestValidationLoss: Double?

    init(
        _ configuration: Configuration, _ data: TrainingData, _ coordinator: Coordinator<Element>,
        _ records: RunRecords?, _ communicator: any Communicator, _ console: Console,
        startedAt: ContinuousClock.Instant, bestValidationLoss: Double?, profile: RunProfile?
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
                data.dataset, contextLength: configuration.data.contextLength, plan: data.plan,
                seed: UInt64(configuration.run.seed), consumedSamples: UInt64(coordinator.consumedSamples))
        }
        validation = try communicator.together { () throws(Failure) in
            guard let samples = data.validation else { return nil }
            let batches = EvaluationBatches(samples, sequencesPerBatch: data.plan.sequencesPerSlot)
            return (batches, try batches.makeBatch())
        }
        let flops = configuration.model.flopsPerToken(
            vocabularySize: data.vocabularySize, contextLength: configuration.data.contextLength)
        reporter = ProgressReporter(
            console, steps: configuration.training.steps, flopsPerToken: flops,
            limit: try ProcessorLimit(measuringWith: communicator))
        self.bestValidationLoss = bestValidationLoss
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
        while coordinator.step < training.steps {
            coordinator.spans.begin(.step, coordinator.step + 1)
            let stopRequested = try step()
            let isLast = coordinator.step == training.steps
            validationLoss = nil
            var isBest = false
            if coordinator.step % training.evaluateEvery == 0 || isLast { isBest = try evaluate() }
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
        let batch = try reader.next()
        coordinator.spans.end()
        let report = try coordinator.train(batch, stopRequested: StopRequest.isPending())
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

    /// Measures the validation loss.
    ///
    /// - Returns: Whether it is the lowest so far.
    private func evaluate() throws -> Bool {
        guard let validation else { return false }
        coordinator.spans.begin(.evaluation)
        defer { coordinator.spans.end() }
        let start = clock.now
        let loss = try coordinator.withAveragedWeights {
            try coordinator.replica.forwardPass.meanLoss(of: validation.batches, validation.memory, communicator)
        }
        let isBest = loss < bestValidationLoss ?? .infinity
        validationLoss = loss
        if isBest { bestValidationLoss = loss }
        let step = coordinator.step
        let line: JSON = [
            "step": .integer(step), "validation_loss": .number(loss),
            "validation_seconds": .number((clock.now - start).seconds),
        ]
        try records?.log(line)
        console.say("step \(step): validation loss \(fixed(loss, 4))\(isBest ? ", the best so far" : "")")
        return isBest
    }

    /// Writes a checkpoint.
    private func save() throws {
        coordinator.spans.begin(.checkpoint)
        defer { coordinator.spans.end() }
        let state = coordinator.checkpointState(
            validationLoss: validationLoss, bestValidationLoss: bestValidationLoss)
        try coordinator.save { files throws(Failure) in try records?.save(state, files) }
    }

    private func summarize() {
        guard let records else { return }
        let seconds = (clock.now - startedAt).seconds
        if let bestValidationLoss { console.say("best validation loss: \(fixed(bestValidationLoss, 4))") }
        console.say(
            "tokens: \(grouped(coordinator.tokens)) in \(coordinator.step) steps, \(clockTime(seconds)) in this run")
        if let checkpoint = records.newestCheckpoint {
            console.say("checkpoint: \(checkpoint)")
            console.say("generate from it: dtrain generate --checkpoint \(checkpoint) --prompt \"The \"")
        }
    }
}
