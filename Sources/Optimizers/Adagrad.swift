import Kernels
import Numbers

/// Adagrad: divides the gradient by the root of the sum of past squared gradients.
///
/// - Source: Duchi, Hazan & Singer 2011; the sums start at 0, and there is no separate learning rate decay.
package struct Adagrad: Optimizer {
    package let name = "adagrad"
    package let stateNames = ["square_sum"]
    private let configuration: OptimizerConfiguration

    /// The optimizer with the epsilon of `configuration`.
    package init(_ configuration: OptimizerConfiguration) { self.configuration = configuration }

    package func update<Element: Storage>(
        _ memory: UpdateMemory<Element>, _ step: OptimizerStep
    ) -> UpdateChecksums {
        adagrad(
            memory, learningRate: step.learningRate, epsilon: configuration.epsilon, step.adjustment(configuration))
    }
}
