import Glibc

/// The learning rate as a function of the step.
///
/// A schedule holds only the settings that its curve uses, so equal schedules yield equal learning rates.
package struct Schedule: Equatable, Sendable {
    /// The learning rate after warm-up.
    private enum Curve: Equatable {
        case constant
        case linear(floor: Double)
        case cosine(floor: Double)
        /// Also used by `noam`, with a different peak.
        case inverseSquareRoot(floor: Double)
        case warmupStableDecay(floor: Double, decaySteps: Int)
        case polynomial(floor: Double, power: Double)
        case step(floor: Double, gamma: Double, Drops)
        case exponential(floor: Double, gamma: Double)
        case oneCycle(floor: Double)
    }

    /// The decay points of `step`.
    private enum Drops: Equatable {
        /// After every interval of this many steps, counted from the end of warm-up.
        case every(Int)
        /// After these numbers of completed steps.
        case at([Int])
    }

    /// The maximum learning rate, reached in the last warm-up step.
    package let peak: Double
    private let curve: Curve
    private let warmupSteps: Int
    /// For `one_cycle`, whose warm-up is half a cosine: the ratio of the peak to the initial learning rate. nil: linear
    /// warm-up from zero.
    private let divFactor: Double?
    private let steps: Int

    /// The schedule of a run of `steps` steps.
    ///
    /// - Parameter width: The model's hidden size, on which the scale of `noam` depends.
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

    /// The minimum learning rate after warm-up; nil for a constant one.
    package var floor: Double? {
        switch curve {
        case .constant: nil
        case .linear(let floor), .cosine(let floor), .inverseSquareRoot(let floor), .oneCycle(let floor): floor
        case .warmupStableDecay(let floor, _), .polynomial(let floor, _), .exponential(let floor, _): floor
        case .step(let floor, _, _): floor
        }
    }

    /// Returns the learning rate of the update after `step` completed steps.
    ///
    /// Warm-up is linear, or half a cosine for `one_cycle`, and reaches the peak in its last step.
    ///
    /// Curves that end at the floor start to decrease in the first step after warm-up and reach the floor in the last
    /// step of the run. `step` and `exponential` have the peak in the first step after warm-up, as in PyTorch.
    package func learningRate(at step: Int) -> Double {
        let (done, warmup) = (Double(step + 1), Double(warmupSteps))
        if step < warmupSteps { return warmupRate(step) }
        /// The completed fraction of the last `length` steps of the run, from 0 to 1.
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

    /// Returns the learning rate of warm-up step `step`, counted from 0.
    private func warmupRate(_ step: Int) -> Double {
        guard let divFactor else { return peak * Double(step + 1) / Double(warmupSteps) }
        return warmupSteps == 1 ? peak : between(peak / divFactor, peak, Double(step) / Double(warmupSteps - 1))
    }

    /// Interpolates from `start` to `end` along half a cosine.
    private func between(_ start: Double, _ end: Double, _ progress: Double) -> Double {
        end + (start - end) * 0.5 * (1 + cos(Double.pi * progress))
    }

    /// Returns the number of decays of `step` after `step` completed steps.
    private func count(_ drops: Drops, before step: Int) -> Int {
        switch drops {
        case .every(let size): (step - warmupSteps) / size
        case .at(let milestones): milestones.count { $0 <= step }
        }
    }
}
