import Failures

/// The batches of a training, read ahead on a thread of its own: `next()` normally neither waits nor allocates.
package final class BatchReader {
    /// How the batch is divided.
    package let plan: BatchPlan
    /// The order of samples.
    package let sampler: Sampler
    private let prefetcher: Prefetcher

    /// The batches of `plan.rank` from global index `consumedSamples` on, the counter that a checkpoint holds.
    ///
    /// - Throws: `badData` for a split shorter than one context, or a counter that no training reaches.
    package init(
        _ dataset: Dataset, split: Split = .train, contextLength: Int, plan: BatchPlan, seed: UInt64,
        consumedSamples: UInt64 = 0
    ) throws(Failure) {
        guard consumedSamples < 1 << 62 else {
            throw Failure(.badData, "\(consumedSamples) consumed samples; fewer than 2^62 are possible.")
        }
        let samples = try CausalSamples(dataset.stream(split), contextLength: contextLength)
        let sampler = Sampler(sampleCount: samples.count, seed: seed)
        // One to train on, one to fill.
        let batches = [
            try TokenBatch(capacity: plan.localSequences, contextLength: contextLength),
            try TokenBatch(capacity: plan.localSequences, contextLength: contextLength),
        ]
        var start = consumedSamples
        self.plan = plan
        self.sampler = sampler
        prefetcher = try Prefetcher(batches) { batch throws(Failure) in
            batch.removeAll()
            for slot in plan.localSlots {
                for index in plan.globalIndices(ofSlot: slot, from: start) {
                    let (_, sample) = sampler.sample(atGlobalIndex: index)
                    try batch.append(sample, of: samples, index: index)
                }
            }
            start += UInt64(plan.sequences)
        }
    }

    deinit { prefetcher.stop() }

    /// This rank's part of the next step: its slots one after another, `plan.sequencesPerSlot` sequences each.
    ///
    /// The batch is valid until the next call.
    ///
    /// - Throws: `badData` or `inputOutput` where the step could not be read.
    package func next() throws(Failure) -> TokenBatch {
        try prefetcher.next()
    }
}
