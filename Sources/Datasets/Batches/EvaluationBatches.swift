import Failures

/// The batches of a split in order, independent of the number of ranks: batch b contains n samples from b·n on; the
/// last batch may be smaller.
package struct EvaluationBatches {
    /// n: the number of sequences per batch.
    package let sequencesPerBatch: Int
    private let samples: any Samples
    private let seed: UInt64

    /// Batches of `sequencesPerBatch` > 0 sequences; their random choices depend only on the seed.
    package init(_ samples: any Samples, sequencesPerBatch: Int, seed: UInt64) {
        precondition(sequencesPerBatch > 0, "a batch without sequences")
        self.samples = samples
        self.sequencesPerBatch = sequencesPerBatch
        self.seed = seed
    }

    /// The number of batches, at least 1.
    package var count: Int { (samples.count - 1) / sequencesPerBatch + 1 }

    /// The sample indices of batch `index`.
    package func samples(of index: Int) -> Range<Int> {
        let first = index * sequencesPerBatch
        // Written such that a very large batch size does not overflow.
        return first..<first + min(sequencesPerBatch, samples.count - first)
    }

    /// Allocates a batch of the maximum size.
    package func makeBatch() throws(Failure) -> Batch {
        try Batch(capacity: min(sequencesPerBatch, samples.count), samples.shape)
    }

    /// Reads batch `index`, in 0..<count, into `batch`.
    package func load(_ index: Int, into batch: Batch) throws(Failure) {
        precondition(index >= 0 && index < count, "batch outside the split")
        batch.removeAll()
        for sample in samples(of: index) {
            try batch.append(
                sample, of: samples, SampleDraw(index: UInt64(sample), isTraining: false, seed: seed))
        }
        batch.close()
    }
}
