import Tensors

/// The initialization of the weight of a linear layer.
package struct WeightInitialization: Equatable, Sendable {
    /// The distribution of the initial values.
    package enum Spread: Equatable, Sendable {
        /// Normal, with the same standard deviation for every shape.
        case normal(deviation: Double)
        /// Uniform over ±√(6 / (inputs + outputs)).
        ///
        /// - Source: Glorot & Bengio 2010, eq. 16.
        case xavier
        /// Uniform over ±√(6 / inputs).
        ///
        /// - Source: He et al. 2015, arXiv:1502.01852, eq. 10.
        case kaiming
    }

    private let spread: Spread
    private let factor: Double

    /// Initial values of the given distribution, multiplied by `factor`.
    package init(_ spread: Spread, factor: Double = 1) {
        self.spread = spread
        self.factor = factor
    }

    /// Returns the initializer of a weight [outputWidth, inputWidth].
    package func initializer(inputWidth: Int, outputWidth: Int) -> Initializer {
        switch spread {
        case .normal(let deviation): .normal(standardDeviation: deviation * factor)
        case .xavier: .uniform(bound: (6 / Double(inputWidth + outputWidth)).squareRoot() * factor)
        case .kaiming: .uniform(bound: (6 / Double(inputWidth)).squareRoot() * factor)
        }
    }
}

/// The initialization of the weights of a sublayer.
package struct BranchInitializers: Equatable, Sendable {
    /// For the linear layers that read the sublayer's input.
    package let inner: WeightInitialization
    /// For the projection whose output is added to the residual stream.
    package let outer: WeightInitialization

    /// The two initializations of a sublayer.
    package init(inner: WeightInitialization, outer: WeightInitialization) {
        self.inner = inner
        self.outer = outer
    }
}
