import Tensors

/// How the weight of a linear map starts.
package struct WeightInitialization: Equatable, Sendable {
    /// The spread of the first values.
    package enum Spread: Equatable, Sendable {
        /// Normal, with the same deviation for every shape.
        case normal(deviation: Double)
        /// Uniform up to √(6 / (inputs + outputs)).
        ///
        /// - Source: Glorot & Bengio 2010, eq. 16.
        case xavier
        /// Uniform up to √(6 / inputs).
        ///
        /// - Source: He et al. 2015, arXiv:1502.01852, eq. 10.
        case kaiming
    }

    private let spread: Spread
    private let factor: Double

    /// First values of that spread, multiplied with `factor`.
    package init(_ spread: Spread, factor: Double = 1) {
        self.spread = spread
        self.factor = factor
    }

    /// The first values of a weight [outputWidth, inputWidth].
    package func initializer(inputWidth: Int, outputWidth: Int) -> Initializer {
        switch spread {
        case .normal(let deviation): .normal(standardDeviation: deviation * factor)
        case .xavier: .uniform(bound: (6 / Double(inputWidth + outputWidth)).squareRoot() * factor)
        case .kaiming: .uniform(bound: (6 / Double(inputWidth)).squareRoot() * factor)
        }
    }
}

/// How the weights of a sublayer start.
package struct BranchInitializers: Equatable, Sendable {
    /// Of what lies inside it.
    package let inner: WeightInitialization
    /// Of the projection that writes to the residual stream.
    package let outer: WeightInitialization

    /// Both.
    package init(inner: WeightInitialization, outer: WeightInitialization) {
        self.inner = inner
        self.outer = outer
    }
}
