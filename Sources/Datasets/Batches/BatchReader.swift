import Failures

/// The batches of a training run, prefetched on a background thread: `next()` normally neither waits nor allocates.
package final class BatchReader {
    /// The division of each step into micro-batches.
    package let plan: BatchPlan
    /// The order of samples.
    package let sampler: Sampler
    private let prefetcher: Prefetcher

    /// The batches of rank `plan.rank` from global index `consumedSamples` on, which checkpoints store.
    ///
    /// - Parameters:
    ///   - samples: The training samples; from now on only the background thread may use them.
    ///   - poolBatches: The number of batches whose samples are sorted by length together (length bucketing); 1: no
    ///     sorting.
    ///   - steps: The steps whose batches are read, again and again in this order; nil: all from `consumedSamples` on.
    /// - Throws: `badData` if `consumedSamples` is 2⁶² or more.
    package init(
        _ samples: any Samples, plan: BatchPlan, seed: UInt64, poolBatches: Int = 1, consumedSamples: UInt64 = 0,
        steps visited: [Int]? = nil
    ) throws(Failure) {
        guard consumedSamples < 1 << 62 else {
            throw Failure(.badData, "\(consumedSamples) consumed samples; allowed: fewer than 2^62.")
        }
        let sampler = Sampler(samples, seed: seed)
        var buckets =
            poolBatches > 1
            ? LengthBuckets(samples, sampler, sequences: plan.sequences, poolBatches: poolBatches) : nil
        // Double buffering: one step is trained on while the other is filled.
        var steps: [[Batch]] = []
        for _ in 0..<2 {
            var step: [Batch] = []
            for _ in plan.localSlots { step.append(try Batch(capacity: plan.sequencesPerSlot, samples.shape)) }
            steps.append(step)
        }
        var (start, count) = (consumedSamples, 0)
        self.plan = plan
        self.sampler = sampler
        prefetcher = try Prefetcher(steps) { step throws(Failure) in
            if let visited { start = UInt64(visited[count % visited.count] * plan.sequences) }
            count += 1
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

    /// Returns this rank's part of the next step, one batch per micro-batch; valid until the next call.
    ///
    /// - Throws: `badData` or `inputOutput` if the samples could not be read.
    package func next() throws(Failure) -> [Batch] { try prefetcher.next() }
}
