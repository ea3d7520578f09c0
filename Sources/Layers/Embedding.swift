import Kernels
import Tensors

// B sequences, T positions, V vocabulary, C width; rows = B · T.

/// Token and learned position embeddings, added.
package struct Embedding<Element: Storage> {
    /// Where the token table [V, C] stands in an arena: a tied head shares it.
    package let tokenTable: Int
    private let positionTable: Int
    private let vocabularySize: Int
    private let width: Int

    /// Declares token_embedding.weight [V, C] and position_embedding.weight [contextLength, C].
    package init(
        vocabularySize: Int, contextLength: Int, width: Int, initializer: Initializer, in layout: inout ParameterLayout
    ) {
        self.vocabularySize = vocabularySize
        self.width = width
        tokenTable = layout.declare("token_embedding.weight", [vocabularySize, width], initializer, decays: true)
        positionTable = layout.declare("position_embedding.weight", [contextLength, width], initializer, decays: true)
    }

    /// output[b, t] = token table[tokens[b, t]] + position table[first + t].
    package func forward(
        _ tokens: UnsafePointer<Int32>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>,
        sequences: Int, positions: Int, first: Int = 0
    ) {
        embedding(
            tokens, tokenTable: weights + tokenTable, positionTable: weights + positionTable + first * width,
            into: output, sequences: sequences, positions: positions, width: width)
    }

    /// The backward pass.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - accumulating: Adds to the token table's gradient, where a tied head has left its part, instead of
    ///     overwriting it. The position table's rows up to T are always overwritten; the others stay 0.
    package func backward(
        _ tokens: UnsafePointer<Int32>, outputGradient: UnsafePointer<Float>,
        gradients: UnsafeMutablePointer<Element>, sequences: Int, positions: Int, accumulating: Bool,
        _ workspace: Workspace
    ) {
        let rows = sequences * positions
        let sum = workspace.floats(.sums, width)
        if !accumulating { (gradients + tokenTable).update(repeating: 0, count: vocabularySize * width) }
        tokenEmbeddingBackward(
            tokens, outputGradient: outputGradient, accumulatingInto: gradients + tokenTable,
            links: workspace.integers(.links, vocabularySize + rows), sum: sum, rows: rows,
            vocabulary: vocabularySize, width: width)
        positionEmbeddingBackward(
            outputGradient: outputGradient, into: gradients + positionTable, sum: sum, sequences: sequences,
            positions: positions, width: width)
    }
}
