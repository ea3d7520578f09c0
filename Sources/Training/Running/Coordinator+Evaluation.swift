import Collectives
import Datasets
import Kernels

extension Coordinator {
    /// The mean loss over all targets of `batches`, in nats: each sample once, and the same bits for any number of ranks.
    ///
    /// - Parameter batch: Memory to read into.
    func evaluate(_ batches: EvaluationBatches, _ batch: TokenBatch, _ communicator: any Communicator) throws -> Double
    {
        // Batch b is rank b mod size's; all others leave 0, so that the sum over ranks is exact.
        var losses = [Double](repeating: 0, count: 2 * batches.count)
        for index in stride(from: communicator.rank, to: batches.count, by: communicator.size) {
            try batches.load(index, into: batch)
            losses[index] = replica.loss(of: batch)
            losses[batches.count + index] = Double(batch.targetCount)
        }
        var combined = losses
        try losses.withUnsafeBufferPointer { own in
            try combined.withUnsafeMutableBufferPointer { try communicator.allreduce(own, into: $0, .sum) }
        }
        return combined.withUnsafeBufferPointer { all in
            TreeSum.sum(UnsafeBufferPointer(rebasing: all[..<batches.count]))
                / TreeSum.sum(UnsafeBufferPointer(rebasing: all[batches.count...]))
        }
    }
}
