import Failures
import Files

/// Where a training stands: `state.json` of a checkpoint.
package struct CheckpointState: Equatable, Sendable {
    /// The number of steps so far, skipped ones included.
    package var step: Int
    /// The position in the endless row of samples.
    package var consumedSamples: Int
    /// Target tokens trained on so far.
    package var tokens: Int
    /// Steps without an update, for whatever reason.
    package var skippedSteps: Int
    /// Those among them that were skipped because the loss was a spike.
    package var spikeSkips: Int
    /// The skipped steps since the last update.
    package var skipsInARow: Int
    /// How often the run has gone back to a checkpoint because of a spike.
    package var returns: Int
    /// The dynamic loss scaler, where there is one.
    package var lossScaler: LossScaler?
    /// The validation loss at this step, where it was measured.
    package var validationLoss: Double?
    /// Whether this step's evaluation was cut short by a request to stop, and comes before the next step.
    package var evaluationIsPending: Bool
    /// The metric that decides which checkpoints are the best, and when the training stops early.
    package var watched: Watched?

    /// Where the losses of steps lie, where spikes are looked for.
    package var lossTrend: LossTrend?

    /// A moving average of losses.
    package struct LossTrend: Equatable, Sendable {
        /// The losses that have entered.
        package var count: Int
        package var mean: Double
        package var variance: Double
        /// The spikes since the last loss that was none.
        package var spikesInARow: Int

        package init(count: Int, mean: Double, variance: Double, spikesInARow: Int = 0) {
            self.count = count
            self.mean = mean
            self.variance = variance
            self.spikesInARow = spikesInARow
        }
    }

    /// A metric of evaluations, and how it went so far.
    package struct Watched: Equatable, Sendable {
        /// Its name, such as `validation_loss`.
        package var name: String
        /// Its value at this step, where it was measured.
        package var value: Double?
        /// Its best value so far.
        package var best: Double?
        /// The step of the best value; nil also where an older program did not record it.
        package var bestStep: Int?
        /// Its last value that was an improvement by as much as early stopping asks for.
        package var reference: Double?
        /// Evaluations since then.
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
        /// Steps since the last overflow or growth.
        package var cleanSteps: Int
        /// Overflows that are tolerated before the scale halves.
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
    /// The state as JSON text; losses that are not finite become null.
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

    /// Reads what `text` wrote.
    ///
    /// - Throws: `badData` where a field is missing, of another type, or negative.
    package init(parsing bytes: [UInt8], source: String) throws(Failure) {
        let json = try JSON(parsing: bytes, source: source)
        let fields = CheckedFields(json, source: source)
        step = try fields.count("step")
        consumedSamples = try fields.count("consumed_samples")
        tokens = try fields.count("tokens")
        skippedSteps = try fields.count("skipped_steps")
        // Older checkpoints do not have these.
        spikeSkips = try fields.count("spike_skips", default: 0)
        skipsInARow = try fields.count("skips_in_a_row", default: 0)
        returns = try fields.count("returns", default: 0)
        validationLoss = try fields.optionalNumber("validation_loss")
        evaluationIsPending = json["evaluation_pending"] == .boolean(true)
        if json["watched"] == nil {
            // A checkpoint from before there was a choice of metrics.
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
                "\(source): \(skippedSteps) skipped of \(step) steps, \(consumedSamples) samples and \(tokens) tokens "
                    + "make no sense together.")
        }
        // A run goes on counting from here.
        let evaluations = watched?.evaluationsWithoutImprovement ?? 0
        let scalerCounts = lossScaler.map { max($0.cleanSteps, $0.hysteresisLeft) } ?? 0
        let trendCounts = lossTrend.map { max($0.count, $0.spikesInARow) } ?? 0
        let most = max(evaluations, scalerCounts, trendCounts, returns)
        guard most < 1 << 62 else {
            throw Failure(
                .badData, "\(source): counts \(most) of something, more than any run lives to see.")
        }
    }
}
