import Collectives
import Datasets
import Kernels
import Layers
import Models
import Objectives
import Profiling
import Tensors

/// A model that is ready to compute: its weights, the memory of its activations, and what it is asked to predict.
final class ForwardPass<Element: Storage> {
    let decoder: Decoder<Element>
    /// The working weights, in the storage type.
    let weights: Arena<Element>
    let activations: Decoder<Element>.Activations
    let objective = CausalLanguageModelling()
    let workspace: Workspace

    /// A pass over up to `sequences` sequences at once.
    init(
        _ decoder: Decoder<Element>, weights: Arena<Element>, sequences: Int, spans: SpanRecorder = SpanRecorder()
    ) {
        workspace = Workspace(spans: spans)
        self.decoder = decoder
        self.weights = weights
        activations = decoder.makeActivations(sequences: sequences, positions: decoder.contextLength)
    }

    /// The sum of the losses of a batch.
    func loss(of batch: TokenBatch) -> Double {
        let (sequences, positions) = (batch.sequenceCount, decoder.contextLength)
        let rows = sequences * positions
        decoder.forward(
            batch.inputs, weights: weights.base, activations, sequences: sequences, positions: positions,
            dropout: nil, workspace)
        let losses = workspace.floats(.losses, rows)
        objective.losses(
            hidden: activations.hidden, head: decoder.head, weights: weights.base, targets: batch.targets,
            into: losses, rows: rows, workspace)
        return ForwardPass.sum(losses, rows)
    }

    /// The mean loss over all targets of `batches`, in nats: each sample once, and the same bits for any number of
    /// ranks.
    ///
    /// - Parameter batch: Memory to read into.
    func meanLoss(
        of batches: EvaluationBatches, _ batch: TokenBatch, _ communicator: any Communicator
    ) throws -> Double {
        // Batch b is rank b mod size's; all others leave 0, so that the sum over ranks is exact.
        var losses = [Double](repeating: 0, count: 2 * batches.count)
        for index in stride(from: communicator.rank, to: batches.count, by: communicator.size) {
            try batches.load(index, into: batch)
            losses[index] = loss(of: batch)
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

    /// The sum of the losses of some rows.
    static func sum(_ losses: UnsafePointer<Float>, _ count: Int) -> Double {
        var sum = 0.0
        for index in 0..<count { sum += Double(losses[index]) }
        return sum
    }
}
