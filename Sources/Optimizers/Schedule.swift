import Glibc

/// The learning rate as a function of the step.
package struct Schedule: Sendable {
    private var configuration: ScheduleConfiguration
    private let steps: Int

    /// The schedule of a run of `steps` steps.
    ///
    /// - Parameter width: The model's width, on which the scale of `noam` depends.
    package init(_ configuration: ScheduleConfiguration, steps: Int, width: Int) {
        self.configuration = configuration
        self.steps = steps
        if configuration.kind == .noam { self.configuration.peak = configuration.noamPeak(width: width) }
    }

    /// The rate of the update that takes the run from `step` to `step` + 1 done steps.
    ///
    /// The warm-up rises in a straight line, that of `one_cycle` in half a cosine, and reaches the peak with its last step.
    ///
    /// Curves that end at the floor leave the peak at once and reach the floor with the run's last step; `step` and
    /// `exponential` take their first step after the warm-up at the peak, as PyTorch's do.
    package func learningRate(at step: Int) -> Double {
        let (peak, floor) = (configuration.peak, configuration.floor)
        let (done, warmup) = (Double(step + 1), Double(configuration.warmupSteps))
        if step < configuration.warmupSteps { return warmupRate(step) }
        /// How much of the last `length` steps is done, from 0 to 1.
        func progress(over length: Double) -> Double {
            length <= 0 ? 1 : min(1, max(0, (done - (Double(steps) - length)) / length))
        }
        let afterWarmup = progress(over: Double(steps) - warmup)
        switch configuration.kind {
        case .constant: return peak
        case .linear: return peak + (floor - peak) * afterWarmup
        case .cosine: return between(peak, floor, afterWarmup)
        case .inverseSquareRoot, .noam: return max(floor, peak * (max(warmup, 1) / done).squareRoot())
        case .warmupStableDecay: return peak + (floor - peak) * progress(over: Double(configuration.decaySteps))
        case .polynomial: return floor + (peak - floor) * pow(1 - afterWarmup, configuration.power)
        case .step: return max(floor, peak * pow(configuration.gamma, Double(drops(before: step))))
        case .exponential: return max(floor, peak * pow(configuration.gamma, Double(step) - warmup))
        case .oneCycle: return between(peak, floor, afterWarmup)
        }
    }

    /// The rate of step `step` of the warm-up.
    private func warmupRate(_ step: Int) -> Double {
        let (peak, warmup) = (configuration.peak, configuration.warmupSteps)
        guard configuration.kind == .oneCycle else { return peak * Double(step + 1) / Double(warmup) }
        let start = peak / configuration.divFactor
        return warmup == 1 ? peak : between(start, peak, Double(step) / Double(warmup - 1))
    }

    /// Half a cosine from `start` to `end`.
    private func between(_ start: Double, _ end: Double, _ progress: Double) -> Double {
        end + (start - end) * 0.5 * (1 + cos(Double.pi * progress))
    }

    /// How often the rate of `step` has been multiplied when `step` steps are done.
    private func drops(before step: Int) -> Int {
        configuration.stepSize > 0
            ? (step - configuration.warmupSteps) / configuration.stepSize
            : configuration.milestones.count { $0 <= step }
    }
}
