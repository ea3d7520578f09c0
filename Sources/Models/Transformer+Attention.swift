import Layers
import Tensors

/// The attention probabilities of all layers of a model for one sequence, by kind of attention.
package struct AttentionMaps: Equatable, Sendable {
    /// The self-attention of the encoder; empty without one.
    package let encoder: [AttentionMap]
    /// The self-attention of the other blocks.
    package let own: [AttentionMap]
    /// The cross-attention to the encoder's output; empty without one.
    package let cross: [AttentionMap]
}

extension Transformer {
    /// The attention probabilities of the forward pass of one sequence, which attention itself does not keep.
    ///
    /// - Parameters:
    ///   - input: The input of that pass.
    ///   - activations: The activations of that pass, made without recomputation.
    package func attentionMaps(
        _ input: ModelInput, _ activations: Activations, _ context: LayerContext<Element>
    ) -> AttentionMaps {
        guard let stack, let stackActivations = activations.stack else {
            preconditionFailure("a model without blocks has no attention")
        }
        let pass = pass(input, context)
        var (encoderMaps, crossMaps): ([AttentionMap], [AttentionMap]) = ([], [])
        if let encoder, let source = input.source, let sourceActivations = activations.source {
            encoderMaps = encoder.stack.selfAttentionMaps(
                sourceActivations.stack, sourcePass(source, sequences: input.sequences, context))
            crossMaps = stack.crossAttentionMaps(
                stackActivations, memory(source, activations, gradient: nil), pass)
        }
        return AttentionMaps(
            encoder: encoderMaps, own: stack.selfAttentionMaps(stackActivations, pass), cross: crossMaps)
    }
}
