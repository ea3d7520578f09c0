import Kernels

/// The head layout and the position encoding of a model's attention layers.
package struct AttentionShape: Equatable, Sendable {
    /// C, the hidden size.
    package let width: Int
    /// H, the number of query heads.
    package let headCount: Int
    /// K, the number of KV heads, a divisor of H.
    package let keyHeadCount: Int
    /// D, the head dimension.
    package let headWidth: Int
    /// Whether scores have ALiBi biases.
    package let penalizesDistance: Bool
    /// The parameters of rotary position embedding; nil: none.
    package let rotary: RotaryAngles?
    /// The normalization of each query and each key of self-attention, before the rotation; nil: none.
    ///
    /// - Source: Henry et al. 2020, arXiv:2010.04245; Dehghani et al. 2023, arXiv:2302.05442, section 2.
    package let normalization: NormalizationStyle?
    package let bias: AttentionBias
    /// The distance from which on a position attends to no other, in self-attention; 0: any distance.
    ///
    /// - Source: Beltagy, Peters & Cohan 2020, arXiv:2004.05150, section 3.1; Jiang et al. 2023 (Mistral),
    ///   arXiv:2310.06825.
    package let window: Int
    /// Whether scores are divided by √D.
    package let scalesScores: Bool

    /// A shape with the given properties.
    ///
    /// - Parameter headWidth: D; nil: C / H.
    package init(
        width: Int, headCount: Int, keyHeadCount: Int, headWidth: Int? = nil, penalizesDistance: Bool = false,
        rotary: RotaryAngles? = nil, normalization: NormalizationStyle? = nil, bias: AttentionBias, window: Int = 0,
        scalesScores: Bool = true
    ) {
        self.width = width
        self.headCount = headCount
        self.keyHeadCount = keyHeadCount
        self.headWidth = headWidth ?? width / headCount
        self.penalizesDistance = penalizesDistance
        self.rotary = rotary
        self.normalization = normalization
        self.bias = bias
        self.window = window
        self.scalesScores = scalesScores
    }

    /// H · D, the width of the queries of a position.
    package var queryWidth: Int { headCount * headWidth }
    /// K · D, the width of the keys of a position, and of its values.
    package var keyWidth: Int { keyHeadCount * headWidth }
}

/// The linear layers of an attention sublayer that have biases.
package struct AttentionBias: Equatable, Sendable {
    /// Whether the projections to queries, keys and values have biases.
    package let inputs: Bool
    /// Whether the output projection has a bias.
    package let output: Bool

    /// Biases of the given layers.
    package init(inputs: Bool, output: Bool) {
        self.inputs = inputs
        self.output = output
    }
}
