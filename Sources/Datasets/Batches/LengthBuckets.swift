import Failures

/// The order of training with length bucketing: samples of similar length share a batch.
///
/// Global indices are grouped into pools of several batches. The samples of a pool are sorted by length and cut into
/// batches, and the batches are shuffled. The result depends only on the seed and the position, so every rank can
/// compute it without communication; within a pool it is a permutation of the pool's indices.
///
/// Pools are counted from the start of training. A pool that spans the boundary of two epochs contains some samples
/// twice, possibly in the same batch. Pools cannot be cut at that boundary without changing the order of existing runs.
struct LengthBuckets {
    private let samples: any Samples
    private let sampler: Sampler
    private let sequences: Int
    private let poolBatches: Int
    private var pool: UInt64?
    /// The global indices of the current pool, in order of length.
    private var sorted: [(length: Int, index: UInt64)] = []

    /// Pools of `poolBatches` batches with `sequences` samples each.
    init(_ samples: any Samples, _ sampler: Sampler, sequences: Int, poolBatches: Int) {
        self.samples = samples
        self.sampler = sampler
        self.sequences = sequences
        self.poolBatches = poolBatches
    }

    /// Returns the global index of the sample at a position of the training order.
    ///
    /// - Complexity: O(1) within a pool; O(pool · log pool) at the first access to a pool.
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
