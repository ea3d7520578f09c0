/// Dynamic loss scaling for Float16 training.
///
/// - Source: Micikevicius et al. 2018, arXiv:1710.03740; the hysteresis is Megatron-LM's.
package struct LossScaler: Equatable, Sendable {
    /// The factor of the loss in the backward pass; usually a power of two.
    package private(set) var scale: Double
    /// The number of consecutive steps without overflow since the last overflow or growth of the scale.
    package private(set) var cleanSteps: Int
    /// The number of further overflows up to and including the first one that halves the scale; 0: every overflow
    /// halves it.
    package private(set) var hysteresisLeft: Int
    private let settings: Settings

    /// The growth and backoff settings.
    package struct Settings: Equatable, Sendable {
        /// The number of consecutive steps without overflow after which the scale is doubled.
        package var growthInterval: Int
        /// N: after the last growth, every overflow from the N-th one halves the scale.
        package var hysteresis: Int
        /// The minimum scale.
        package var floor: Double
        /// The maximum scale; at least `floor`.
        package var ceiling: Double

        /// Settings of a loss scaler.
        package init(growthInterval: Int, hysteresis: Int, floor: Double, ceiling: Double) {
            self.growthInterval = growthInterval
            self.hysteresis = hysteresis
            self.floor = floor
            self.ceiling = ceiling
        }
    }

    /// A scaler in its initial state or in the state of a checkpoint, with the scale clamped to the bounds of
    /// `settings`.
    package init(scale: Double, cleanSteps: Int = 0, hysteresisLeft: Int? = nil, _ settings: Settings) {
        self.scale = min(max(scale, settings.floor), settings.ceiling)
        self.cleanSteps = cleanSteps
        self.hysteresisLeft = min(hysteresisLeft ?? settings.hysteresis, settings.hysteresis)
        self.settings = settings
    }

    /// Whether the scale has reached its minimum.
    package var isAtFloor: Bool { scale <= settings.floor }

    /// Updates the scale after one step.
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
