import Failures

/// A split in order, in batches that do not depend on the number of ranks: batch b holds the n samples from b·n on,
/// the last one fewer.
package struct EvaluationBatches {
    /// n: sequences in a batch.
    package let sequencesPerBatch: Int
    private let samples: any Samples
    private let seed: UInt64

    /// The batches of `sequencesPerBatch` > 0 sequences each; what is random about them is always the same for a seed.
    package init(_ samples: any Samples, sequencesPerBatch: Int, seed: UInt64) {
        precondition(sequencesPerBatch > 0, "a batch of nothing")
        self.samples = samples
        self.sequencesPerBatch = sequencesPerBatch
        self.seed = seed
    }

    /// The number of batches, at least 1.
    package var count: Int { (samples.count - 1) / sequencesPerBatch + 1 }

    /// The samples of batch `index`.
    package func samples(of index: Int) -> Range<Int> {
        let first = index * sequencesPerBatch
        // So written that a huge batch size does not overflow.
        return first..<first + min(sequencesPerBatch, samples.count - first)
    }

    /// Memory for a batch.
    package func makeBatch() throws(Failure) -> Batch {
        try Batch(capacity: min(sequencesPerBatch, samples.count), samples.shape)
    }

    /// Reads batch `index`, in 0..<count.
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
