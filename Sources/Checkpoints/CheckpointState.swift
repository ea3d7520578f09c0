import Failures
import Files

/// The progress of a training run: `state.json` of a checkpoint.
package struct CheckpointState: Equatable, Sendable {
    /// The number of steps so far, including skipped ones.
    package var step: Int
    /// The number of samples consumed so far.
    package var consumedSamples: Int
    /// The number of target tokens trained on so far.
    package var tokens: Int
    /// The number of steps without an update, for any reason.
    package var skippedSteps: Int
    /// The number of steps skipped because of a loss spike.
    package var spikeSkips: Int
    /// The number of consecutive skipped steps up to now.
    package var skipsInARow: Int
    /// The number of rollbacks to a checkpoint because of spikes.
    package var returns: Int
    /// The state of the dynamic loss scaler; nil without one.
    package var lossScaler: LossScaler?
    /// The validation loss at this step; nil if it was not measured.
    package var validationLoss: Double?
    /// Whether this step's evaluation was interrupted by a request to stop and must run before the next step.
    package var evaluationIsPending: Bool
    /// The metric that selects the best checkpoints and triggers early stopping.
    package var watched: Watched?

    /// The running statistics of the training loss for spike detection; nil without it.
    package var lossTrend: LossTrend?

    /// The moving average and variance of the training loss.
    package struct LossTrend: Equatable, Sendable {
        /// The number of losses included.
        package var count: Int
        package var mean: Double
        package var variance: Double
        /// The number of consecutive spikes up to now.
        package var spikesInARow: Int

        package init(count: Int, mean: Double, variance: Double, spikesInARow: Int = 0) {
            self.count = count
            self.mean = mean
            self.variance = variance
            self.spikesInARow = spikesInARow
        }
    }

    /// An evaluation metric and its history.
    package struct Watched: Equatable, Sendable {
        /// The metric's name, for example `validation_loss`.
        package var name: String
        /// The value at this step; nil if it was not measured.
        package var value: Double?
        /// The best value so far.
        package var best: Double?
        /// The step of the best value; nil if unknown, as in checkpoints of older program versions.
        package var bestStep: Int?
        /// The last value that improved by at least early stopping's minimum change.
        package var reference: Double?
        /// The number of evaluations since that of `reference`.
        package var evaluationsWithoutImprovement: Int

        package init(
            name: String, value: Double? = nil, best: Double? = nil, bestStep: Int? = nil, reference: Double? = nil,
            evaluationsWithoutImprovement: Int = 0
        ) {
            self.name = name
            self.value = value
            self.best = best
            self.bestStep = bestStep
            self.reference = reference
            self.evaluationsWithoutImprovement = evaluationsWithoutImprovement
        }
    }

    /// The state of dynamic loss scaling.
    package struct LossScaler: Equatable, Sendable {
        package var scale: Double
        /// The number of steps since the last overflow or growth of the scale.
        package var cleanSteps: Int
        /// The number of further overflows up to and including the first one that halves the scale.
        package var hysteresisLeft: Int

        package init(scale: Double, cleanSteps: Int, hysteresisLeft: Int) {
            self.scale = scale
            self.cleanSteps = cleanSteps
            self.hysteresisLeft = hysteresisLeft
        }
    }

    package init(
        step: Int, consumedSamples: Int, tokens: Int = 0, skippedSteps: Int = 0, lossScaler: LossScaler? = nil,
        validationLoss: Double? = nil, evaluationIsPending: Bool = false, watched: Watched? = nil,
        lossTrend: LossTrend? = nil, spikeSkips: Int = 0, skipsInARow: Int = 0, returns: Int = 0
    ) {
        self.step = step
        self.consumedSamples = consumedSamples
        self.tokens = tokens
        self.skippedSteps = skippedSteps
        self.lossScaler = lossScaler
        self.validationLoss = validationLoss
        self.evaluationIsPending = evaluationIsPending
        self.watched = watched
        self.lossTrend = lossTrend
        self.spikeSkips = spikeSkips
        self.skipsInARow = skipsInARow
        self.returns = returns
    }
}

extension CheckpointState {
    /// The state as JSON; losses that are not finite become null.
    package var text: String {
        let scaler = lossScaler.map { scaler -> JSON in
            [
                "scale": .number(scaler.scale),
                "clean_steps": .integer(scaler.cleanSteps),
                "hysteresis_left": .integer(scaler.hysteresisLeft),
            ]
        }
        let watched = watched.map { watched -> JSON in
            [
                "name": .string(watched.name),
                "value": watched.value.map(JSON.number) ?? .null,
                "best": watched.best.map(JSON.number) ?? .null,
                "best_step": watched.bestStep.map(JSON.integer) ?? .null,
                "reference": watched.reference.map(JSON.number) ?? .null,
                "evaluations_without_improvement": .integer(watched.evaluationsWithoutImprovement),
            ]
        }
        let trend = lossTrend.map { trend -> JSON in
            [
                "count": .integer(trend.count), "mean": .number(trend.mean), "variance": .number(trend.variance),
                "spikes_in_a_row": .integer(trend.spikesInARow),
            ]
        }
        let state: JSON = [
            "step": .integer(step),
            "consumed_samples": .integer(consumedSamples),
            "tokens": .integer(tokens),
            "skipped_steps": .integer(skippedSteps),
            "spike_skips": .integer(spikeSkips),
            "skips_in_a_row": .integer(skipsInARow),
            "returns": .integer(returns),
            "loss_scaler": scaler ?? .null,
            "validation_loss": validationLoss.map(JSON.number) ?? .null,
            "evaluation_pending": .boolean(evaluationIsPending),
            "watched": watched ?? .null,
            "loss_trend": trend ?? .null,
        ]
        return state.page
    }

    /// Parses the output of `text`.
    ///
    /// - Throws: `badData` if a field is missing, has another type, or is out of range.
    package init(parsing bytes: [UInt8], source: String) throws(Failure) {
        let json = try JSON(parsing: bytes, source: source)
        let fields = CheckedFields(json, source: source)
        step = try fields.count("step")
        consumedSamples = try fields.count("consumed_samples")
        tokens = try fields.count("tokens")
        skippedSteps = try fields.count("skipped_steps")
        // Absent in older checkpoints.
        spikeSkips = try fields.count("spike_skips", default: 0)
        skipsInARow = try fields.count("skips_in_a_row", default: 0)
        returns = try fields.count("returns", default: 0)
        validationLoss = try fields.optionalNumber("validation_loss")
        evaluationIsPending = json["evaluation_pending"] == .boolean(true)
        if json["watched"] == nil {
            // A checkpoint written before the metric could be chosen.
            let best = try fields.optionalNumber("best_validation_loss")
            watched = Watched(name: "validation_loss", value: validationLoss, best: best, reference: best)
        } else if let watched = try fields.optionalFields("watched") {
            self.watched = Watched(
                name: try watched.string("name"), value: try watched.optionalNumber("value"),
                best: try watched.optionalNumber("best"), bestStep: json["watched"]?["best_step"]?.integerValue,
                reference: try watched.optionalNumber("reference"),
                evaluationsWithoutImprovement: try watched.count("evaluations_without_improvement"))
        }
        if json["loss_trend"] != nil, let trend = try fields.optionalFields("loss_trend") {
            lossTrend = LossTrend(
                count: try trend.count("count"), mean: try trend.optionalNumber("mean") ?? 0,
                variance: try trend.optionalNumber("variance") ?? 0,
                spikesInARow: try trend.count("spikes_in_a_row", default: 0))
        }
        if let scaler = try fields.optionalFields("loss_scaler") {
            lossScaler = LossScaler(
                scale: try scaler.positiveNumber("scale"), cleanSteps: try scaler.count("clean_steps"),
                hysteresisLeft: try scaler.count("hysteresis_left"))
        }
        guard skippedSteps <= step, max(spikeSkips, skipsInARow) <= skippedSteps,
            max(tokens, consumedSamples, step) < 1 << 62
        else {
            throw Failure(
                .badData,
                "\(source): the counters are inconsistent: \(skippedSteps) skipped of \(step) steps, "
                    + "\(consumedSamples) samples, \(tokens) tokens.")
        }
        // The run continues counting from these values; the limit prevents overflow.
        let evaluations = watched?.evaluationsWithoutImprovement ?? 0
        let scalerCounts = lossScaler.map { max($0.cleanSteps, $0.hysteresisLeft) } ?? 0
        let trendCounts = lossTrend.map { max($0.count, $0.spikesInARow) } ?? 0
        let most = max(evaluations, scalerCounts, trendCounts, returns)
        guard most < 1 << 62 else {
            throw Failure(
                .badData, "\(source): has an implausibly large counter: \(most).")
        }
    }
}
