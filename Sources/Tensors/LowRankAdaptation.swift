/// The adaptation of frozen linear layers by trained low-rank matrices: y = W·x + s · B·A·x.
///
/// - Source: Hu et al. 2021 (LoRA), arXiv:2106.09685, section 4.1.
package struct LowRankAdaptation: Equatable, Sendable {
    /// r, the number of rows of A and columns of B.
    package var rank = 8
    /// α; the product B·A is multiplied by s = α / r.
    package var alpha = 16.0
    /// The probability with which an input of A is dropped in training.
    package var dropout = 0.0
    /// Patterns of the layers to adapt; see `isTarget`.
    package var targets = ["attention.query", "attention.value"]

    /// Rank 8, α 16, queries and values.
    package init() {}

    /// s = α / r, the factor of B·A.
    package var scale: Float { Float(alpha / Double(rank)) }

    /// Whether the layer `name`, such as "blocks.0.attention.query", is to be adapted: a target matches the whole name
    /// or its last components.
    package func isTarget(_ name: String) -> Bool {
        targets.contains { NamePattern($0).matches(name) || NamePattern("*.\($0)").matches(name) }
    }
}

/// A linear layer that may be adapted, or a part of its outputs.
package struct AdaptableOutputs: Equatable, Sendable {
    /// The name, such as "blocks.0.attention.query".
    package let name: String
    /// The offset of the layer's weight.
    package let weight: Int
    /// The outputs among those of the layer.
    package let outputs: Range<Int>

    /// The outputs `outputs` of the layer whose weight is at `weight`.
    package init(name: String, weight: Int, outputs: Range<Int>) {
        (self.name, self.weight, self.outputs) = (name, weight, outputs)
    }
}

/// A low-rank adapter: the matrices A and B that adapt a linear layer or some of its outputs.
package struct LowRankAdapter: Equatable, Sendable {
    /// The name of the adapted layer or part, such as "blocks.0.attention.query".
    package let name: String
    /// The number of the adapter among those of the model, for its dropout.
    package let index: Int
    /// r, the rank.
    package let rank: Int
    /// s, the factor of B·A.
    package let scale: Float
    /// I, the number of inputs.
    package let inputWidth: Int
    /// The adapted outputs among those of the layer; all if the adapter is for the whole layer.
    package let outputs: Range<Int>
    /// The offset of the layer's weight [O, I] in the arena of the frozen weights.
    package let weight: Int
    /// The offsets of A, [r, I], and B, [outputs, r], in the arena of the adapters.
    package let a: Int
    package let b: Int
}
