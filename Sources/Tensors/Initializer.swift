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
