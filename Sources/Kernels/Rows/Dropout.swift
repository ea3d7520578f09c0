import Tensors

/// Dropout for one training step. Whether an element is dropped is a function of (seed, step, sample, site, element),
/// so it is the same on any rank and after any resume, and the backward pass recomputes it.
package struct Dropout {
    private let rate: Float
    private let purpose: RandomPurpose
    private let seed: UInt64
    private let step: UInt64
    private let samples: UnsafePointer<UInt64>

    /// Dropout in training step `step`.
    ///
    /// - Parameters:
    ///   - samples: The global sample index of each sequence of the batch.
    ///   - purpose: The purpose of its random numbers; site numbers of different purposes are independent.
    /// - Returns: nil if `rate` is 0.
    package init?(
        rate: Double, seed: UInt64, step: Int, samples: UnsafePointer<UInt64>, for purpose: RandomPurpose = .dropout
    ) {
        if rate == 0 { return nil }
        self.purpose = purpose
        self.rate = Float(rate)
        self.seed = seed
        self.step = UInt64(step)
        self.samples = samples
    }

    /// Returns the mask of one sequence at one dropout site; every dropout layer of the model has its own site number.
    package func mask(sequence: Int, site: Int) -> DropoutMask {
        let stream = RandomStream(
            seed: seed, purpose: purpose, step: step, sample: samples[sequence], layer: UInt32(site))
        return DropoutMask(stream, rate: rate)
    }

    /// Applies dropout to `values`, [sequences, elements].
    package func apply(_ values: UnsafeMutablePointer<Float>, sequences: Int, elements: Int, site: Int) {
        for sequence in 0..<sequences {
            mask(sequence: sequence, site: site).apply(values + sequence * elements, count: elements)
        }
    }
}
