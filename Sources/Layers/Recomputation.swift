import Tensors

/// The activations that the backward pass of a stack computes again from the inputs of its blocks, with the same bits,
/// instead of keeping them for every block.
///
/// Such activations are allocated once for all blocks of a stack.
///
/// - Source: Chen, Xu, Zhang & Guestrin 2016, arXiv:1604.06174.
package enum Recomputation: Int, CaseIterable, Sendable {
    /// None.
    case none
    /// Those of the attention sublayers, except their residual sums.
    case attention
    /// All of a block except its output.
    case block
}

extension TransformerBlock {
    /// Allocates activations like `takeActivations`, but uses those of `first`, another block of the same stack, for
    /// what the backward pass computes again.
    func takeActivations(
        sharing first: Activations, _ recomputation: Recomputation, rows: Int, from arena: ActivationArena
    ) -> Activations {
        var own = first
        own.feedForwardBranch.output = feedForwardBranch.takeOutput(rows: rows, from: arena)
        if recomputation == .block { return own }
        own.attentionBranch.output = attentionBranch.takeOutput(rows: rows, from: arena)
        own.crossBranch?.output = cross!.branch.takeOutput(rows: rows, from: arena)
        own.feedForwardBranch = feedForwardBranch.takeActivations(rows: rows, from: arena)
        own.feedForward = feedForward.takeActivations(rows: rows, from: arena)
        return own
    }

    /// Computes again from `input`, [B, T, C], what `activations` share with other blocks.
    func forwardAgain(
        _ recomputation: Recomputation, _ input: UnsafePointer<Element>, memory: CrossMemory<Element>?,
        _ activations: Activations, _ pass: Pass<Element>
    ) {
        switch recomputation {
        case .none: break
        case .attention: forwardAttention(input, memory: memory, activations, pass)
        case .block: forward(input, memory: memory, activations, pass, feedForwardIsNeeded: {})
        }
    }
}
