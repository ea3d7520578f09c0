import Kernels

/// Adam with decoupled weight decay.
///
/// - Source: Loshchilov & Hutter 2019, arXiv:1711.05101.
package struct AdamW: Optimizer {
    package let name = "adamw"
    package let stateNames = ["first_moment", "second_moment"]
    private let configuration: OptimizerConfiguration

    /// AdamW with the betas, epsilon and weight decay of `configuration`.
    package init(_ configuration: OptimizerConfiguration) { self.configuration = configuration }

    package func update<Element: Storage>(
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>],
        gradients: UnsafePointer<Element>, range: Range<Int>, decays: Bool, _ step: OptimizerStep
    ) {
        adamW(
            weights + range.lowerBound, firstMoments: states[0] + range.lowerBound,
            secondMoments: states[1] + range.lowerBound, gradients: gradients + range.lowerBound, count: range.count,
            AdamWStep(
                step: step.number, learningRate: step.learningRate,
                betas: (configuration.betas[0], configuration.betas[1]), epsilon: configuration.epsilon,
                weightDecay: decays ? configuration.weightDecay : 0, gradientScale: step.gradientScale,
                gradientLimit: step.gradientLimit))
    }
}
