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
        /// A power of what is left of the run, to the floor at the last step.
        case polynomial
        /// The peak times `gamma` for every `stepSize` steps, or for every milestone.
        case step
        /// The peak times `gamma` for every step.
        case exponential
        /// Half a cosine from the peak over `divFactor` to the peak, half a cosine to the floor at the last step.
        case oneCycle = "one_cycle"
        /// The peak as a factor of the root of warm-up steps over steps, at a scale that the model's width sets.
        case noam
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
    /// The exponent of `polynomial`.
    package var power = 1.0
    /// What `step` and `exponential` multiply the rate with.
    package var gamma = 0.1
    /// Steps after the warm-up from one multiplication of `step` to the next; 0: at the milestones.
    package var stepSize = 0
    /// The done steps of the run, ascending, after which `step` multiplies.
    package var milestones: [Int] = []
    /// How many times smaller than the peak the first rate of `one_cycle` is.
    package var divFactor = 25.0

    /// The schedule of the quickstart.
    package init() {}

    /// The highest rate of `noam`, that of the warm-up's last step.
    ///
    /// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 5.3: d_model^−0.5 · min(step^−0.5, step · warmup^−1.5).
    package func noamPeak(width: Int) -> Double { peak / (Double(width) * Double(max(1, warmupSteps))).squareRoot() }
}
