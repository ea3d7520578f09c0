import Kernels
import Numbers

/// The exponential moving average (EMA) of the weights over updates.
///
/// The average starts at zero and is bias-corrected: after t updates the weights of update i contribute (1 − d)·dᵗ⁻ⁱ /
/// (1 − dᵗ), which sum to 1, and the initial weights do not contribute. The corrected average is stored, so that it can
/// be used directly.
///
/// - Source: Kingma & Ba 2015, arXiv:1412.6980, section 7.2, "temporal averaging".
package struct WeightAverage: Sendable {
    /// d, the decay rate of the average.
    private let decay: Double

    /// An average with decay rate `decay`, at least 0 and less than 1.
    package init(decay: Double) { self.decay = decay }

    /// Returns the weight of the new parameters in the average at update `number`, counted from 1: (1 − d) / (1 − dᵗ).
    package func rate(at number: Int) -> Float { Float((1 - decay) / (1 - power(decay, number))) }

    /// Updates the average with the weights after update `number`.
    ///
    /// - Returns: The checksums of the average.
    @discardableResult
    package func update(
        _ average: UnsafeMutablePointer<Float>, with weights: UnsafePointer<Float>, count: Int, number: Int
    ) -> OverwritingChecksums {
        // The first average equals the weights bit for bit.
        if number > 1 { return movingAverage(weights, into: average, rate: rate(at: number), count: count) }
        var checksums = OverwritingChecksums()
        checksums.before = MemoryChecksum(average, count: count)
        average.update(from: weights, count: count)
        checksums.after = MemoryChecksum(weights, count: count)
        return checksums
    }
}
