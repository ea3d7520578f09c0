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
}

/// Turns gradients into new weights, element by element, so that any range of the arenas can be updated by itself.
package protocol Optimizer: Sendable {
    /// The name that the configuration and checkpoints know it by.
    var name: String { get }

    /// The names of the states it keeps for each weight, in the order in which `update` takes them; they start at 0.
    var stateNames: [String] { get }

    /// Updates the Float32 master weights of `range`, and their states, in one pass.
    ///
    /// - Parameters:
    ///   - weights: The arena of master weights.
    ///   - states: The arena of each state, in the order of `stateNames`.
    ///   - gradients: The arena of gradients, neither clipped nor unscaled yet.
    ///   - decays: Whether weight decay applies to these weights.
    func update<Element: Storage>(
        _ weights: UnsafeMutablePointer<Float>, states: [UnsafeMutablePointer<Float>],
        gradients: UnsafePointer<Element>, range: Range<Int>, decays: Bool, _ step: OptimizerStep)
}

/// The catalogue: the optimizer that a configuration names.
package func makeOptimizer(_ configuration: OptimizerConfiguration) -> any Optimizer {
    switch configuration.kind {
    case .adamw: AdamW(configuration)
    }
}
