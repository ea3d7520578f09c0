import Failures
import Tensors

/// The order of training where sequences of similar length come together.
///
/// Global indices are taken in pools of several batches. The samples of a pool are sorted by length, cut into batches, and the
/// batches shuffled: a function of seed and place, as without it, that any rank computes by itself. What a place holds is
/// another index of the same pool, and each index stands at one place.
///
/// Pools are counted from the start of the training: one that crosses the border of two epochs holds some samples twice,
/// which may come into the same batch. To cut pools at the border would change the order of trainings that have begun.
struct LengthBuckets {
    private let samples: any Samples
    private let sampler: Sampler
    private let sequences: Int
    private let poolBatches: Int
    private var pool: UInt64?
    /// The global indices of the pool, by length.
    private var sorted: [(length: Int, index: UInt64)] = []

    /// Pools of `poolBatches` batches of `sequences` samples.
    init(_ samples: any Samples, _ sampler: Sampler, sequences: Int, poolBatches: Int) {
        self.samples = samples
        self.sampler = sampler
        self.sequences = sequences
        self.poolBatches = poolBatches
    }

    /// The global index of the sample at a place of the training.
    ///
    /// - Complexity: O(1) within a pool; O(pool · log pool) for the first place of one.
    mutating func index(at place: UInt64) throws(Failure) -> UInt64 {
        let poolSize = UInt64(sequences * poolBatches)
        let (pool, rest) = place.quotientAndRemainder(dividingBy: poolSize)
        if pool != self.pool { try sort(pool, from: pool * poolSize) }
        let (batch, inside) = Int(rest).quotientAndRemainder(dividingBy: sequences)
        let order = Permutation(count: poolBatches, seed: sampler.seed, epoch: pool, purpose: .batchOrder)
        return sorted[order[batch] * sequences + inside].index
    }

    private mutating func sort(_ pool: UInt64, from first: UInt64) throws(Failure) {
        sorted.removeAll(keepingCapacity: true)
        for offset in 0..<sequences * poolBatches {
            let index = first + UInt64(offset)
            sorted.append((try samples.length(of: sampler.sample(atGlobalIndex: index).sample), index))
        }
        sorted.sort { ($0.length, $0.index) < ($1.length, $1.index) }
        self.pool = pool
    }
}
