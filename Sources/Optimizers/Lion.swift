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
        _ memory: UpdateMemory<Element>, _ step: OptimizerStep
    ) -> UpdateChecksums {
        lion(
            memory, learningRate: step.learningRate, betas: (configuration.betas[0], configuration.betas[1]),
            weightDecay: configuration.weightDecay, step.adjustment(configuration))
    }
}
