import Glibc

/// The learning rate as a function of the step.
package struct Schedule: Sendable {
    private let configuration: ScheduleConfiguration
    private let steps: Int

    /// The schedule of a run of `steps` steps.
    package init(_ configuration: ScheduleConfiguration, steps: Int) {
        self.configuration = configuration
        self.steps = steps
    }

    /// The rate of the update that takes the run from `step` to `step` + 1 done steps.
    ///
    /// The warm-up rises in a straight line and reaches the peak with its last step.
    package func learningRate(at step: Int) -> Double {
        let (peak, floor) = (configuration.peak, configuration.floor)
        let (done, warmup) = (Double(step + 1), Double(configuration.warmupSteps))
        if step < configuration.warmupSteps { return peak * done / warmup }
        /// How much of the last `length` steps is done, from 0 to 1.
        func progress(over length: Double) -> Double {
            length <= 0 ? 1 : min(1, max(0, (done - (Double(steps) - length)) / length))
        }
        let afterWarmup = progress(over: Double(steps) - warmup)
        switch configuration.kind {
        case .constant: return peak
        case .linear: return peak + (floor - peak) * afterWarmup
        case .cosine: return floor + (peak - floor) * 0.5 * (1 + cos(Double.pi * afterWarmup))
        case .inverseSquareRoot: return max(floor, peak * (max(warmup, 1) / done).squareRoot())
        case .warmupStableDecay: return peak + (floor - peak) * progress(over: Double(configuration.decaySteps))
        }
    }
}
