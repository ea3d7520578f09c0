import Kernels
import Numbers

/// RMSProp: divides the gradient by the root of the moving average of its squares.
///
/// - Source: Tieleman & Hinton 2012, lecture 6.5, in PyTorch's form (not centered, without momentum).
package struct RMSProp: Optimizer {
    package let name = "rmsprop"
    package let stateNames = ["mean_square"]
    private let configuration: OptimizerConfiguration

    /// The optimizer with the alpha and epsilon of `configuration`.
    package init(_ configuration: OptimizerConfiguration) { self.configuration = configuration }

    package func update<Element: Storage>(
        _ memory: UpdateMemory<Element>, _ step: OptimizerStep
    ) -> UpdateChecksums {
        rmsProp(
            memory, learningRate: step.learningRate, alpha: configuration.alpha, epsilon: configuration.epsilon,
            step.adjustment(configuration))
    }
}
