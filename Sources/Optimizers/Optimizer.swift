import Kernels
import Numbers

/// The inputs of an update that change from step to step, the same for every optimizer.
package struct OptimizerStep: Sendable {
    /// The number of the update, counted from 1; skipped steps do not count.
    package var number: Int
    /// The scheduled learning rate.
    package var learningRate: Double
    /// The factor applied to each gradient first; it combines clipping by norm and loss unscaling.
    package var gradientScale: Float
    /// The maximum magnitude of a gradient after scaling; +∞: no clipping by value.
    package var gradientLimit: Float

    /// The inputs of update `number`.
    package init(number: Int, learningRate: Double, gradientScale: Float = 1, gradientLimit: Float = .infinity) {
        self.number = number
        self.learningRate = learningRate
        self.gradientScale = gradientScale
        self.gradientLimit = gradientLimit
    }

    /// Returns the preprocessing of gradients.
    ///
    /// - Parameter penalties: The configuration with the L1 and L2 penalties of these weights.
    func adjustment(_ penalties: OptimizerConfiguration) -> GradientAdjustment {
        GradientAdjustment(scale: gradientScale, limit: gradientLimit, l1: penalties.l1, l2: penalties.l2)
    }
}

/// An elementwise optimizer: any range of the weights can be updated separately.
package protocol Optimizer: Sendable {
    /// The name in configurations and checkpoints.
    var name: String { get }

    /// The names of the optimizer states, which have one element per weight and start at 0, in the order of `update`'s
    /// `states`.
    var stateNames: [String] { get }

    /// Updates weights and their states in one pass; the states of `memory` are in the order of `stateNames`.
    ///
    /// - Returns: The checksums of what was overwritten.
    @discardableResult
    func update<Element: Storage>(_ memory: UpdateMemory<Element>, _ step: OptimizerStep) -> UpdateChecksums
}

/// Returns the optimizer for a configuration.
package func makeOptimizer(_ configuration: OptimizerConfiguration) -> any Optimizer {
    switch configuration.kind {
    case .adamw, .adam: AdamW(configuration)
    case .sgd, .momentum, .nesterov: SGD(configuration)
    case .rmsprop: RMSProp(configuration)
    case .adagrad: Adagrad(configuration)
    case .lion: Lion(configuration)
    }
}
