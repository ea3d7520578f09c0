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
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>], stateStart: Int,
        gradients: UnsafePointer<Element>, count: Int, decays: Bool, _ step: OptimizerStep
    ) {
        adamW(
            weights, firstMoments: states[0] + stateStart, secondMoments: states[1] + stateStart,
            gradients: gradients, count: count,
            AdamWStep(
                step: step.number, learningRate: step.learningRate,
                betas: (configuration.betas[0], configuration.betas[1]), epsilon: configuration.epsilon,
                weightDecay: decays ? configuration.weightDecay : 0, gradientScale: step.gradientScale,
                gradientLimit: step.gradientLimit))
    }
}
