import Kernels
import Numbers

/// Lion: steps of constant size along the sign of a momentum, with decoupled weight decay.
///
/// - Source: Chen et al. 2023, arXiv:2302.06675.
package struct Lion: Optimizer {
    package let name = "lion"
    package let stateNames = ["momentum"]
    private let configuration: OptimizerConfiguration

    /// The optimizer with the betas and weight decay of `configuration`.
    package init(_ configuration: OptimizerConfiguration) { self.configuration = configuration }

    package func update<Element: Storage>(
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>], stateStart: Int,
        gradients: UnsafePointer<Element>, count: Int, _ step: OptimizerStep
    ) {
        lion(
            weights, momenta: states[0] + stateStart, gradients: gradients, count: count,
            learningRate: step.learningRate, betas: (configuration.betas[0], configuration.betas[1]),
            weightDecay: configuration.weightDecay, step.adjustment(configuration))
    }
}
