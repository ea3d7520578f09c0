/// The order of training: the sample at each position of an endless sequence of epochs.
///
/// Each epoch is a permutation of all samples. The position is the only state to save.
package struct Sampler: Sendable {
    /// The number of samples per epoch.
    package let sampleCount: Int
    /// The seed that, with the epoch, is the key of a permutation.
    package let seed: UInt64

    /// The order of `sampleCount` > 0 samples.
    package init(sampleCount: Int, seed: UInt64) {
        precondition(sampleCount > 0, "nothing to sample from")
        self.sampleCount = sampleCount
        self.seed = seed
    }

    /// The epoch of a global index, from 0.
    package func epoch(atGlobalIndex index: UInt64) -> UInt64 { index / UInt64(sampleCount) }

    /// Returns the sample at a global index, which counts samples from the start of training, and its epoch.
    ///
    /// - Complexity: O(1).
    package func sample(atGlobalIndex index: UInt64) -> (epoch: UInt64, sample: Int) {
        let (epoch, place) = index.quotientAndRemainder(dividingBy: UInt64(sampleCount))
        return (epoch, Permutation(count: sampleCount, seed: seed, epoch: epoch)[Int(place)])
    }
}
