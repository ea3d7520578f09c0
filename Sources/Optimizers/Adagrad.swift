import Kernels

/// The gradient over the root of the sum of its squares.
///
/// - Source: Duchi, Hazan & Singer 2011; the sums start at 0 and the rate does not decay by itself.
package struct Adagrad: Optimizer {
    package let name = "adagrad"
    package let stateNames = ["square_sum"]
    private let configuration: OptimizerConfiguration

    /// The optimizer with the epsilon of `configuration`.
    package init(_ configuration: OptimizerConfiguration) { self.configuration = configuration }

    package func update<Element: Storage>(
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>], stateStart: Int,
        gradients: UnsafePointer<Element>, count: Int, decays: Bool, _ step: OptimizerStep
    ) {
        adagrad(
            weights, squares: states[0] + stateStart, gradients: gradients, count: count,
            learningRate: step.learningRate, epsilon: configuration.epsilon,
            step.adjustment(decays ? configuration : nil))
    }
}
