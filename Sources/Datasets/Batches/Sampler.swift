/// The order of training: which sample stands at which place of an endless row of epochs.
///
/// Every epoch is a permutation of all samples. Nothing has to be saved but the place.
package struct Sampler: Sendable {
    /// Samples in an epoch.
    package let sampleCount: Int
    /// What the permutations are keyed by, with the epoch.
    package let seed: UInt64

    /// The order of `sampleCount` > 0 samples.
    package init(sampleCount: Int, seed: UInt64) {
        precondition(sampleCount > 0, "nothing to sample from")
        self.sampleCount = sampleCount
        self.seed = seed
    }

    /// The epoch that the global index falls in, from 0.
    package func epoch(atGlobalIndex index: UInt64) -> UInt64 { index / UInt64(sampleCount) }

    /// The sample at a global index, which counts samples from the start of training, and its epoch.
    ///
    /// - Complexity: O(1).
    package func sample(atGlobalIndex index: UInt64) -> (epoch: UInt64, sample: Int) {
        let (epoch, place) = index.quotientAndRemainder(dividingBy: UInt64(sampleCount))
        return (epoch, Permutation(count: sampleCount, seed: seed, epoch: epoch)[Int(place)])
    }
}
