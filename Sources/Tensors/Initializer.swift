/// How a parameter's first values are drawn.
package enum Initializer: Equatable, Sendable {
    /// All zero: biases and shifts.
    case zeros
    /// All one: normalization scales.
    case ones
    /// Normal around zero.
    case normal(standardDeviation: Double)
    /// Uniform between −bound and bound.
    case uniform(bound: Double)

    /// Uniform numbers that keep the variance of what flows through a linear layer, halfway between forward and backward.
    ///
    /// - Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    package static func xavierUniform(fanIn: Int, fanOut: Int) -> Initializer {
        .uniform(bound: (6 / Double(fanIn + fanOut)).squareRoot())
    }

    /// Uniform numbers that keep the variance of what flows forward through a linear layer and a ReLU.
    ///
    /// - Source: He et al. 2015, arXiv:1502.01852, eq. 10: a variance of 2/fanIn.
    package static func kaimingUniform(fanIn: Int) -> Initializer {
        .uniform(bound: (6 / Double(fanIn)).squareRoot())
    }
}

/// Fills `target` with numbers uniform between −bound and bound: those of `stream` from number `first` on, a multiple
/// of four.
func fillUniform(_ target: UnsafeMutableBufferPointer<Float>, from first: Int, _ stream: RandomStream, _ bound: Double)
{
    precondition(first.isMultiple(of: 4), "four numbers share a counter")
    for start in stride(from: 0, to: target.count, by: 4) {
        let words = stream.words(UInt64((first + start) / 4))
        for index in 0..<min(4, target.count - start) {
            // The middle of the word's share of (−1, 1), exact in Float64.
            target[start + index] = Float(bound * ((Double(words[index]) + 0.5) * 0x1p-31 - 1))
        }
    }
}
