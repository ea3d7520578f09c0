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
    /// - Parameters:
    ///   - samples: What is trained on; nobody else uses it from now on.
    ///   - poolBatches: The batches whose samples are sorted by length together; 1 sorts nothing.
    /// - Throws: `badData` for a counter that no training reaches.
    package init(
        _ samples: any Samples, plan: BatchPlan, seed: UInt64, poolBatches: Int = 1, consumedSamples: UInt64 = 0
    ) throws(Failure) {
        guard consumedSamples < 1 << 62 else {
            throw Failure(.badData, "\(consumedSamples) consumed samples; fewer than 2^62 are possible.")
        }
        let sampler = Sampler(sampleCount: samples.count, seed: seed)
        var buckets =
            poolBatches > 1
            ? LengthBuckets(samples, sampler, sequences: plan.sequences, poolBatches: poolBatches) : nil
        // One step to train on, one to fill.
        var steps: [[Batch]] = []
        for _ in 0..<2 {
            var step: [Batch] = []
            for _ in plan.localSlots { step.append(try Batch(capacity: plan.sequencesPerSlot, samples.shape)) }
            steps.append(step)
        }
        var start = consumedSamples
        self.plan = plan
        self.sampler = sampler
        prefetcher = try Prefetcher(steps) { step throws(Failure) in
            for (slot, batch) in zip(plan.localSlots, step) {
                batch.removeAll()
                for place in plan.globalIndices(ofSlot: slot, from: start) {
                    let index = try buckets?.index(at: place) ?? place
                    let draw = SampleDraw(index: index, isTraining: true, seed: seed)
                    try batch.append(sampler.sample(atGlobalIndex: index).sample, of: samples, draw)
                }
                batch.close()
            }
            start += UInt64(plan.sequences)
        }
    }

    deinit { prefetcher.stop() }

    /// This rank's part of the next step: a batch for each of its slots.
    ///
    /// The batches are valid until the next call.
    ///
    /// - Throws: `badData` or `inputOutput` where the step could not be read.
    package func next() throws(Failure) -> [Batch] { try prefetcher.next() }
}
