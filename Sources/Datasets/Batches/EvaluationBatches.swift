import Failures

/// A split in order, in batches that do not depend on the number of ranks: batch b holds the n samples from b·n on,
/// the last one fewer.
package struct EvaluationBatches {
    /// n: sequences in a batch.
    package let sequencesPerBatch: Int
    private let samples: CausalSamples

    /// The batches of `sequencesPerBatch` > 0 sequences each.
    package init(_ samples: CausalSamples, sequencesPerBatch: Int) {
        precondition(sequencesPerBatch > 0, "a batch of nothing")
        self.samples = samples
        self.sequencesPerBatch = sequencesPerBatch
    }

    /// The number of batches, at least 1.
    package var count: Int { (samples.count - 1) / sequencesPerBatch + 1 }

    /// Memory for a batch.
    package func makeBatch() throws(Failure) -> TokenBatch {
        try TokenBatch(capacity: min(sequencesPerBatch, samples.count), contextLength: samples.contextLength)
    }

    /// Reads batch `index`, in 0..<count.
    package func load(_ index: Int, into batch: TokenBatch) throws(Failure) {
        precondition(index >= 0 && index < count, "batch outside the split")
        batch.removeAll()
        let first = index * sequencesPerBatch
        // The last batch ends with the split; so written that a huge batch size does not overflow.
        for sample in first..<first + min(sequencesPerBatch, samples.count - first) {
            try batch.append(sample, of: samples, index: UInt64(sample))
        }
    }
}
