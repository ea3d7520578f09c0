/// The order of training: the sample at each position of an endless sequence of epochs.
///
/// Each epoch is a permutation of all samples. The position is the only state to save. In a mixture each part has its
/// own epochs.
package struct Sampler: Sendable {
    /// The number of samples of each part, whose samples follow one another; without a mixture there is one.
    private let partCounts: [Int]
    private let mixture: Mixture?
    /// The seed that, with the epoch, is the key of a permutation.
    package let seed: UInt64

    /// The order of `sampleCount` > 0 samples.
    package init(sampleCount: Int, seed: UInt64) {
        precondition(sampleCount > 0, "nothing to sample from")
        (partCounts, mixture, self.seed) = ([sampleCount], nil, seed)
    }

    /// The order of a mixture of parts, each with at least one sample.
    package init(_ mixture: Mixture, partCounts: [Int], seed: UInt64) {
        precondition(partCounts.count == mixture.quotas.count && partCounts.allSatisfy { $0 > 0 }, "other parts")
        (self.partCounts, self.mixture, self.seed) = (partCounts, mixture, seed)
    }

    /// The order of `samples`.
    package init(_ samples: any Samples, seed: UInt64) {
        if let mixed = samples as? MixedSamples, let mixture = mixed.mixture {
            self.init(mixture, partCounts: mixed.partCounts, seed: seed)
        } else {
            self.init(sampleCount: samples.count, seed: seed)
        }
    }

    /// Returns the sample at a global index, which counts samples from the start of training, and its epoch.
    ///
    /// - Complexity: O(parts).
    package func sample(atGlobalIndex index: UInt64) -> (epoch: UInt64, sample: Int) {
        var (part, place, first, key) = (0, index, 0, seed)
        if let mixture {
            (part, place) = mixture.place(atGlobalIndex: index, seed: seed)
            first = partCounts[..<part].reduce(0, +)
            // Parts of the same size have different orders.
            key = seed &+ UInt64(part) &* 0x9E37_79B9_7F4A_7C15
        }
        let (epoch, inside) = place.quotientAndRemainder(dividingBy: UInt64(partCounts[part]))
        return (epoch, first + Permutation(count: partCounts[part], seed: key, epoch: epoch)[Int(inside)])
    }
}
