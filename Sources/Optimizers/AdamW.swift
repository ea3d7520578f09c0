import Kernels
import Numbers

/// Adam, with decoupled weight decay (`adamw`) or without weight decay (`adam`).
///
/// - Source: Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101.
package struct AdamW: Optimizer {
    package let name: String
    package let stateNames = ["first_moment", "second_moment"]
    private let configuration: OptimizerConfiguration
    private let weightDecay: Double

    /// The optimizer with the betas, epsilon and weight decay of `configuration`.
    package init(_ configuration: OptimizerConfiguration) {
        name = configuration.kind.rawValue
        self.configuration = configuration
        weightDecay = configuration.kind == .adamw ? configuration.weightDecay : 0
    }

    package func update<Element: Storage>(
        _ memory: UpdateMemory<Element>, _ step: OptimizerStep
    ) -> UpdateChecksums {
        adamW(
            memory,
            AdamWStep(
                step: step.number, learningRate: step.learningRate,
                betas: (configuration.betas[0], configuration.betas[1]), epsilon: configuration.epsilon,
                weightDecay: weightDecay, gradientScale: step.gradientScale, gradientLimit: step.gradientLimit,
                l1: configuration.l1, l2: configuration.l2))
    }
}
