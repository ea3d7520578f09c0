import Kernels
import Numbers

/// Stochastic gradient descent: plain (`sgd`), with momentum, or with Nesterov momentum; without dampening.
///
/// - Source: Polyak 1964; Sutskever et al. 2013, in PyTorch's form.
package struct SGD: Optimizer {
    package let name: String
    package let stateNames: [String]
    private let configuration: OptimizerConfiguration
    private let form: MomentumForm

    /// The optimizer with the momentum of `configuration`, if its kind uses momentum.
    package init(_ configuration: OptimizerConfiguration) {
        name = configuration.kind.rawValue
        self.configuration = configuration
        form =
            switch configuration.kind {
            case .momentum: .heavyBall
            case .nesterov: .nesterov
            default: .none
            }
        stateNames = form == .none ? [] : ["momentum"]
    }

    package func update<Element: Storage>(
        _ memory: UpdateMemory<Element>, _ step: OptimizerStep
    ) -> UpdateChecksums {
        sgd(
            memory, learningRate: step.learningRate, momentum: configuration.momentum, form: form,
            step.adjustment(configuration))
    }
}
