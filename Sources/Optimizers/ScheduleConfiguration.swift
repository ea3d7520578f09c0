/// The learning rate over a run: the section `schedule` of a configuration.
package struct ScheduleConfiguration: Equatable, Sendable {
    /// The curve after the warm-up, which is linear from zero to the peak.
    package enum Kind: String, CaseIterable, Sendable {
        /// The peak to the end.
        case constant
        /// A straight line to the floor at the last step.
        case linear
        /// Half a cosine to the floor at the last step.
        case cosine
        /// The peak times the root of warm-up steps over steps.
        case inverseSquareRoot = "inverse_square_root"
        /// The peak, then a descent to the floor over the last `decaySteps`.
        case warmupStableDecay = "warmup_stable_decay"
    }

    package var kind = Kind.cosine
    /// The highest learning rate.
    package var peak = 2e-3
    /// The lowest learning rate after the warm-up.
    package var floor = 1e-4
    /// Steps until the peak.
    package var warmupSteps = 60
    /// Steps of the descent of `warmup_stable_decay`; 0 for every other kind.
    package var decaySteps = 0

    /// The schedule of the quickstart.
    package init() {}
}
