import Failures

/// The distribution of a parameter's initial values.
package enum Initializer: Equatable, Sendable {
    /// All zeros: biases and normalization shifts.
    case zeros
    /// All ones: normalization scales.
    case ones
    /// Normal with mean 0.
    case normal(standardDeviation: Double)
    /// Uniform between −bound and bound.
    case uniform(bound: Double)

    /// Xavier (Glorot) initialization: uniform, a compromise that roughly preserves the variance of activations and
    /// gradients.
    ///
    /// - Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.
    package static func xavierUniform(fanIn: Int, fanOut: Int) -> Initializer {
        .uniform(bound: (6 / Double(fanIn + fanOut)).squareRoot())
    }

    /// Kaiming (He) initialization: uniform, preserves the variance of activations through a linear layer and a ReLU.
    ///
    /// - Source: He et al. 2015, arXiv:1502.01852, eq. 10: a variance of 2/fanIn.
    package static func kaimingUniform(fanIn: Int) -> Initializer {
        .uniform(bound: (6 / Double(fanIn)).squareRoot())
    }
}

/// Fills `target` with values uniform between −bound and bound: the values of `stream` from index `first`, a multiple
/// of four.
func fillUniform(_ target: UnsafeMutableBufferPointer<Float>, from first: Int, _ stream: RandomStream, _ bound: Double)
{
    require(first.isMultiple(of: 4), "random values start at a multiple of four")
    for start in stride(from: 0, to: target.count, by: 4) {
        let words = stream.words(UInt64((first + start) / 4))
        for index in 0..<min(4, target.count - start) {
            // The midpoint of the word's subinterval of (−1, 1), exact in Float64.
            target[start + index] = Float(bound * ((Double(words[index]) + 0.5) * 0x1p-31 - 1))
        }
    }
}
