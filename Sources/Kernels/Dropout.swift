import Tensors

/// Dropout of one step: which elements fall is a function of (seed, step, sample, site), so it is the same on any rank
/// and after any resume, and the backward pass asks the function again.
package struct Dropout {
    private let rate: Float
    private let seed: UInt64
    private let step: UInt64
    private let samples: UnsafePointer<UInt64>

    /// Dropout in training step `step`.
    ///
    /// - Parameter samples: The global index of each sequence of the batch.
    /// - Returns: nil where nothing is dropped.
    package init?(rate: Double, seed: UInt64, step: Int, samples: UnsafePointer<UInt64>) {
        if rate == 0 { return nil }
        self.rate = Float(rate)
        self.seed = seed
        self.step = UInt64(step)
        self.samples = samples
    }

    /// The mask of one sequence at one place of the model; every place has a number of its own.
    package func mask(sequence: Int, site: Int) -> DropoutMask {
        let stream = RandomStream(
            seed: seed, purpose: .dropout, step: step, sample: samples[sequence], layer: UInt32(site))
        return DropoutMask(stream, rate: rate)
    }

    /// Drops elements of `values`, [sequences, elements].
    package func apply(_ values: UnsafeMutablePointer<Float>, sequences: Int, elements: Int, site: Int) {
        for sequence in 0..<sequences {
            mask(sequence: sequence, site: site).apply(values + sequence * elements, count: elements)
        }
    }
}
