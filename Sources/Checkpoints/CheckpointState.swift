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
    /// Steps that were skipped because a gradient overflowed.
    package var skippedSteps: Int
    /// The dynamic loss scaler, where there is one.
    package var lossScaler: LossScaler?
    /// The validation loss at this step, where it was measured.
    package var validationLoss: Double?
    /// The lowest validation loss so far.
    package var bestValidationLoss: Double?

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
        validationLoss: Double? = nil, bestValidationLoss: Double? = nil
    ) {
        self.step = step
        self.consumedSamples = consumedSamples
        self.tokens = tokens
        self.skippedSteps = skippedSteps
        self.lossScaler = lossScaler
        self.validationLoss = validationLoss
        self.bestValidationLoss = bestValidationLoss
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
        let state: JSON = [
            "step": .integer(step),
            "consumed_samples": .integer(consumedSamples),
            "tokens": .integer(tokens),
            "skipped_steps": .integer(skippedSteps),
            "loss_scaler": scaler ?? .null,
            "validation_loss": validationLoss.map(JSON.number) ?? .null,
            "best_validation_loss": bestValidationLoss.map(JSON.number) ?? .null,
        ]
        return state.page
    }

    /// Reads what `text` wrote.
    ///
    /// - Throws: `badData` where a field is missing, of another type, or negative.
    package init(parsing bytes: [UInt8], source: String) throws(Failure) {
        let fields = CheckedFields(try JSON(parsing: bytes, source: source), source: source)
        step = try fields.count("step")
        consumedSamples = try fields.count("consumed_samples")
        tokens = try fields.count("tokens")
        skippedSteps = try fields.count("skipped_steps")
        validationLoss = try fields.optionalNumber("validation_loss")
        bestValidationLoss = try fields.optionalNumber("best_validation_loss")
        if let scaler = try fields.optionalFields("loss_scaler") {
            lossScaler = LossScaler(
                scale: try scaler.positiveNumber("scale"), cleanSteps: try scaler.count("clean_steps"),
                hysteresisLeft: try scaler.count("hysteresis_left"))
        }
        guard skippedSteps <= step, max(tokens, consumedSamples, step) < 1 << 62 else {
            throw Failure(
                .badData,
                "\(source): \(skippedSteps) skipped of \(step) steps, \(consumedSamples) samples and \(tokens) tokens "
                    + "make no sense together.")
        }
    }
}
