import Glibc

/// The learning rate as a function of the step.
///
/// Equal schedules give equal rates: a schedule holds what its curve reads of a configuration, and nothing else.
package struct Schedule: Equatable, Sendable {
    /// The rates after the warm-up.
    private enum Curve: Equatable {
        case constant
        case linear(floor: Double)
        case cosine(floor: Double)
        /// Also that of `noam`, at another peak.
        case inverseSquareRoot(floor: Double)
        case warmupStableDecay(floor: Double, decaySteps: Int)
        case polynomial(floor: Double, power: Double)
        case step(floor: Double, gamma: Double, Drops)
        case exponential(floor: Double, gamma: Double)
        case oneCycle(floor: Double)
    }

    /// When the curve `step` multiplies the rate.
    private enum Drops: Equatable {
        /// After as many steps, counted from the warm-up.
        case every(Int)
        /// After these numbers of done steps.
        case at([Int])
    }

    /// The highest rate, that of the warm-up's last step.
    package let peak: Double
    private let curve: Curve
    private let warmupSteps: Int
    /// How many times smaller than the peak the first rate is, of the curve whose warm-up is half a cosine from it; nil: a
    /// straight line from zero.
    private let divFactor: Double?
    private let steps: Int

    /// The schedule of a run of `steps` steps.
    ///
    /// - Parameter width: The model's width, on which the scale of `noam` depends.
    package init(_ configuration: ScheduleConfiguration, steps: Int, width: Int) {
        let floor = configuration.floor
        self.steps = steps
        warmupSteps = configuration.warmupSteps
        peak = configuration.kind == .noam ? configuration.noamPeak(width: width) : configuration.peak
        divFactor = configuration.kind == .oneCycle ? configuration.divFactor : nil
        curve =
            switch configuration.kind {
            case .constant: .constant
            case .linear: .linear(floor: floor)
            case .cosine: .cosine(floor: floor)
            case .inverseSquareRoot, .noam: .inverseSquareRoot(floor: floor)
            case .warmupStableDecay: .warmupStableDecay(floor: floor, decaySteps: configuration.decaySteps)
            case .polynomial: .polynomial(floor: floor, power: configuration.power)
            case .step:
                .step(
                    floor: floor, gamma: configuration.gamma,
                    configuration.stepSize > 0 ? .every(configuration.stepSize) : .at(configuration.milestones))
            case .exponential: .exponential(floor: floor, gamma: configuration.gamma)
            case .oneCycle: .oneCycle(floor: floor)
            }
    }

    /// The lowest rate after the warm-up; nil for a curve that does not descend.
    package var floor: Double? {
        switch curve {
        case .constant: nil
        case .linear(let floor), .cosine(let floor), .inverseSquareRoot(let floor), .oneCycle(let floor): floor
        case .warmupStableDecay(let floor, _), .polynomial(let floor, _), .exponential(let floor, _): floor
        case .step(let floor, _, _): floor
        }
    }

    /// The rate of the update that takes the run from `step` to `step` + 1 done steps.
    ///
    /// The warm-up rises in a straight line, that of `one_cycle` in half a cosine, and reaches the peak with its last step.
    ///
    /// Curves that end at the floor leave the peak at once and reach the floor with the run's last step; `step` and
    /// `exponential` take their first step after the warm-up at the peak, as PyTorch's do.
    package func learningRate(at step: Int) -> Double {
        let (done, warmup) = (Double(step + 1), Double(warmupSteps))
        if step < warmupSteps { return warmupRate(step) }
        /// The share of the last `length` steps that is done, from 0 to 1.
        func progress(over length: Double) -> Double {
            length <= 0 ? 1 : min(1, max(0, (done - (Double(steps) - length)) / length))
        }
        let afterWarmup = progress(over: Double(steps) - warmup)
        switch curve {
        case .constant: return peak
        case .linear(let floor): return peak + (floor - peak) * afterWarmup
        case .cosine(let floor), .oneCycle(let floor): return between(peak, floor, afterWarmup)
        case .inverseSquareRoot(let floor): return max(floor, peak * (max(warmup, 1) / done).squareRoot())
        case .warmupStableDecay(let floor, let decaySteps):
            return peak + (floor - peak) * progress(over: Double(decaySteps))
        case .polynomial(let floor, let power): return floor + (peak - floor) * pow(1 - afterWarmup, power)
        case .step(let floor, let gamma, let drops):
            return max(floor, peak * pow(gamma, Double(count(drops, before: step))))
        case .exponential(let floor, let gamma): return max(floor, peak * pow(gamma, Double(step) - warmup))
        }
    }

    /// The rate of step `step` of the warm-up.
    private func warmupRate(_ step: Int) -> Double {
        guard let divFactor else { return peak * Double(step + 1) / Double(warmupSteps) }
        return warmupSteps == 1 ? peak : between(peak / divFactor, peak, Double(step) / Double(warmupSteps - 1))
    }

    /// Half a cosine from `start` to `end`.
    private func between(_ start: Double, _ end: Double, _ progress: Double) -> Double {
        end + (start - end) * 0.5 * (1 + cos(Double.pi * progress))
    }

    /// How often the rate of `step` has been multiplied when `step` steps are done.
    private func count(_ drops: Drops, before step: Int) -> Int {
        switch drops {
        case .every(let size): (step - warmupSteps) / size
        case .at(let milestones): milestones.count { $0 <= step }
        }
    }
}
