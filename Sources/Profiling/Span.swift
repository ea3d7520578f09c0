/// The timed parts of a run; their names appear in traces and in time breakdowns.
package enum Span: UInt8, CaseIterable, Sendable {
    /// One training step, including the evaluation and the checkpoint that may follow it; its index is the step's
    /// number.
    case step
    /// Waiting for the next batch.
    case data
    /// The forward pass of one micro-batch, from tokens to the final hidden states.
    case forward
    /// The head and the loss of one micro-batch, forward and backward.
    case head
    /// The backward pass of one micro-batch, from the gradient of the final hidden states to that of the embedding.
    case backward
    /// The embedding, within a forward or backward pass.
    case embedding
    /// One block, within a forward or backward pass; its index is the block's.
    case block
    /// Self-attention with its normalization and residual connection, within a block.
    case attention
    /// Cross-attention with its normalization and residual connection, within a block.
    case crossAttention
    /// The feed-forward layer with its normalization and residual connection, within a block.
    case feedForward
    /// The normalization after the last block, within a forward or backward pass.
    case finalNormalization
    /// Adding the gradients of two subtrees of micro-batches.
    case slotSum
    /// Gradient synchronization after the backward pass.
    case averaging
    /// The sum of this rank's shard over all replicas, read from the shared-memory window.
    case windowSum
    /// Local work for a bucket that is sent over MPI; its index is the bucket's.
    case bucket
    /// The gradient norm and the values that all ranks must agree on.
    case norm
    /// The optimizer's update.
    case update
    /// Copying or sending the updated weights to the ranks that compute with them.
    case weights
    /// Waiting for other ranks or the network.
    case waiting
    /// Evaluation on the validation data.
    case evaluation
    /// Writing a checkpoint.
    case checkpoint

    /// The name as shown to the user.
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
