import Kernels

/// What changes from step to step, for every optimizer alike.
package struct OptimizerStep: Sendable {
    /// The number of the update, counted from 1; skipped steps do not count.
    package var number: Int
    /// The schedule's rate.
    package var learningRate: Double
    /// What each gradient is multiplied with first: clipping by norm and unscaling in one.
    package var gradientScale: Float
    /// The largest magnitude of a gradient after that, +∞ where values are not clipped.
    package var gradientLimit: Float

    /// The step number `number`.
    package init(number: Int, learningRate: Double, gradientScale: Float = 1, gradientLimit: Float = .infinity) {
        self.number = number
        self.learningRate = learningRate
        self.gradientScale = gradientScale
        self.gradientLimit = gradientLimit
    }

    /// What is done to gradients first.
    ///
    /// - Parameter penalties: The configuration whose penalties these weights have; nil: none.
    func adjustment(_ penalties: OptimizerConfiguration?) -> GradientAdjustment {
        GradientAdjustment(
            scale: gradientScale, limit: gradientLimit, l1: penalties?.l1 ?? 0, l2: penalties?.l2 ?? 0)
    }
}

/// Turns gradients into new weights, element by element, so that any of them can be updated by themselves.
package protocol Optimizer: Sendable {
    /// The name that the configuration and checkpoints know it by.
    var name: String { get }

    /// The names of the states it keeps for each weight, in the order in which `update` takes them; they start at 0.
    var stateNames: [String] { get }

    /// Updates `count` Float32 master weights, and their states, in one pass.
    ///
    /// - Parameters:
    ///   - weights: The first of the weights.
    ///   - states: The arena of each state, in the order of `stateNames`.
    ///   - stateStart: Where the states of these weights start in their arenas.
    ///   - gradients: Of the same weights, neither clipped nor unscaled yet.
    ///   - decays: Whether weight decay and the penalties apply to these weights.
    func update<Element: Storage>(
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>], stateStart: Int,
        gradients: UnsafePointer<Element>, count: Int, decays: Bool, _ step: OptimizerStep)
}

/// The catalogue: the optimizer that a configuration names.
package func makeOptimizer(_ configuration: OptimizerConfiguration) -> any Optimizer {
    switch configuration.kind {
    case .adamw, .adam: AdamW(configuration)
    case .sgd, .momentum, .nesterov: SGD(configuration)
    case .rmsprop: RMSProp(configuration)
    case .adagrad: Adagrad(configuration)
    case .lion: Lion(configuration)
    }
}
