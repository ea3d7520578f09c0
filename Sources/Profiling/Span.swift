/// The parts of a run that are timed: the names in traces and in tables of shares.
package enum Span: UInt8, CaseIterable, Sendable {
    /// A step with all that follows it until the next one; its index is the step's number.
    case step
    /// Waiting for the batch.
    case data
    /// From tokens to the final hidden states, of one slot.
    case forward
    /// The head and the loss, forward and backward together, of one slot.
    case head
    /// From the gradient of the final hidden states down to the embedding's, of one slot.
    case backward
    /// The embedding, inside a pass.
    case embedding
    /// A block, inside a pass; its index is the block's.
    case block
    /// Attention with its normalization and residual, inside a block.
    case attention
    /// Attention to an encoder with its normalization and residual, inside a block.
    case crossAttention
    /// The feed-forward layer with its normalization and residual, inside a block.
    case feedForward
    /// The normalization after the last block, inside a pass.
    case finalNormalization
    /// Adding the gradients of two subtrees of slots.
    case slotSum
    /// Averaging over ranks after the backward pass; what is not inside a sum or a bucket is waiting.
    case averaging
    /// The sum of this rank's slice over all replicas, straight from the window.
    case windowSum
    /// Work for a bucket on its way over MPI; its index is the bucket's.
    case bucket
    /// The norm of the gradient, and the numbers that all ranks must know.
    case norm
    /// The optimizer's update.
    case update
    /// Giving the updated weights to those that compute with them.
    case weights
    /// The validation loss.
    case evaluation
    /// A checkpoint.
    case checkpoint

    /// The name as people read it.
    package var name: String {
        switch self {
        case .head: "head and loss"
        case .crossAttention: "cross-attention"
        case .feedForward: "feed-forward"
        case .finalNormalization: "final normalization"
        case .slotSum: "sum of slots"
        case .windowSum: "sum over window"
        default: "\(self)"
        }
    }
}
