/// The learning rate schedule of a run: the section `schedule` of a configuration.
package struct ScheduleConfiguration: Equatable, Sendable {
    /// The curve after warm-up. Warm-up is linear from zero to the peak, except for `one_cycle`.
    package enum Kind: String, CaseIterable, Sendable {
        /// The peak until the end.
        case constant
        /// Linear decay to the floor in the last step.
        case linear
        /// Cosine decay to the floor in the last step.
        case cosine
        /// peak · √(warm-up steps / step), at least the floor.
        case inverseSquareRoot = "inverse_square_root"
        /// The peak, then linear decay to the floor over the last `decaySteps` steps.
        case warmupStableDecay = "warmup_stable_decay"
        /// floor + (peak − floor) · (remaining fraction of the run)^power.
        case polynomial
        /// The peak multiplied by `gamma` after every `stepSize` steps, or at every milestone; at least the floor.
        case step
        /// The peak multiplied by `gamma` after every step; at least the floor.
        case exponential
        /// Half a cosine from peak / `divFactor` to the peak, then half a cosine to the floor in the last step.
        case oneCycle = "one_cycle"
        /// `inverse_square_root` with the peak scaled by 1/√(hidden size · warm-up steps).
        case noam
    }

    package var kind = Kind.cosine
    /// The maximum learning rate; a factor of it for `noam`.
    package var peak = 2e-3
    /// The minimum learning rate after warm-up.
    package var floor = 1e-4
    /// The number of warm-up steps.
    package var warmupSteps = 60
    /// `warmup_stable_decay`: the number of decay steps; 0 for every other kind.
    package var decaySteps = 0
    /// `polynomial`: the exponent.
    package var power = 1.0
    /// `step`, `exponential`: the decay factor.
    package var gamma = 0.1
    /// `step`: the decay interval in steps, counted from the end of warm-up; 0: `milestones` are used.
    package var stepSize = 0
    /// `step`: the numbers of completed steps, ascending, after which the learning rate decays.
    package var milestones: [Int] = []
    /// `one_cycle`: the ratio of the peak to the initial learning rate.
    package var divFactor = 25.0

    /// The default settings.
    package init() {}

    /// Returns the maximum learning rate of `noam`, reached in the last warm-up step.
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 5.3: d_model^−0.5 · min(step^−0.5, step · warmup^−1.5).
    package func noamPeak(width: Int) -> Double { peak / (Double(width) * Double(max(1, warmupSteps))).squareRoot() }
}
