import Kernels

/// The exponential moving average of the weights over updates.
///
/// It starts at zero and is corrected for that: after t updates the weights of update i count (1 − d)·dᵗ⁻ⁱ / (1 − dᵗ), which
/// together make 1, and the random first weights not at all. It is kept in the corrected form, so that it can be used as
/// it is.
///
/// - Source: Kingma & Ba 2015, arXiv:1412.6980, section 7.2, "temporal averaging".
package struct WeightAverage: Sendable {
    /// d: the share that an average keeps of itself in an update.
    private let decay: Double

    /// An average of decay `decay`, from 0 to below 1.
    package init(decay: Double) { self.decay = decay }

    /// What the average goes towards the weights at update `number`, counted from 1: (1 − d) / (1 − dᵗ).
    package func rate(at number: Int) -> Float { Float((1 - decay) / (1 - power(decay, number))) }

    /// Takes the weights after update `number` into the average.
    package func update(
        _ average: UnsafeMutablePointer<Float>, with weights: UnsafePointer<Float>, count: Int, number: Int
    ) {
        // The first average is the weights, to the bit.
        if number == 1 { return average.update(from: weights, count: count) }
        movingAverage(weights, into: average, rate: rate(at: number), count: count)
    }
}
