/// The dynamic loss scale of Float16 training: as large as gradients allow.
///
/// - Source: Micikevicius et al. 2018, arXiv:1710.03740; the hysteresis is Megatron-LM's.
package struct LossScaler: Equatable, Sendable {
    /// What the loss is multiplied with before the backward pass; a power of two in practice.
    package private(set) var scale: Double
    /// Steps without an overflow since the last change.
    package private(set) var cleanSteps: Int
    /// Overflows that are still forgiven before the scale is halved.
    package private(set) var hysteresisLeft: Int
    private let settings: Settings

    /// When the scale grows and shrinks.
    package struct Settings: Equatable, Sendable {
        /// Clean steps until the scale is doubled.
        package var growthInterval: Int
        /// The overflow that halves the scale: the first, the second, …
        package var hysteresis: Int
        /// The smallest scale.
        package var floor: Double
        /// The largest scale; at least `floor`.
        package var ceiling: Double

        /// Settings of a scaler.
        package init(growthInterval: Int, hysteresis: Int, floor: Double, ceiling: Double) {
            self.growthInterval = growthInterval
            self.hysteresis = hysteresis
            self.floor = floor
            self.ceiling = ceiling
        }
    }

    /// A scaler at its start, or where a checkpoint left it, within the bounds of `settings`.
    package init(scale: Double, cleanSteps: Int = 0, hysteresisLeft: Int? = nil, _ settings: Settings) {
        self.scale = min(max(scale, settings.floor), settings.ceiling)
        self.cleanSteps = cleanSteps
        self.hysteresisLeft = min(hysteresisLeft ?? settings.hysteresis, settings.hysteresis)
        self.settings = settings
    }

    /// Whether an overflow no longer lowers the scale.
    package var isAtFloor: Bool { scale <= settings.floor }

    /// Takes note of one step.
    package mutating func update(overflowed: Bool) {
        if overflowed {
            cleanSteps = 0
            hysteresisLeft = max(0, hysteresisLeft - 1)
            if hysteresisLeft == 0 { scale = max(scale / 2, settings.floor) }
        } else {
            cleanSteps += 1
            if cleanSteps >= settings.growthInterval {
                scale = min(scale * 2, settings.ceiling)
                cleanSteps = 0
                hysteresisLeft = settings.hysteresis
            }
        }
    }
}
