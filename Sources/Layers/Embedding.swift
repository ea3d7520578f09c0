import Kernels
import Numbers
import Tensors

// B sequences, T positions, V vocabulary size, C hidden size; rows = B · T.

/// The position embedding added to the token embedding.
package enum PositionEmbedding: Equatable, Sendable {
    /// None; positions enter in attention, if at all.
    case none
    /// A learned vector per position.
    case learned
    /// Two learned vectors: one for the position in the sequence, one for the position within the masked span.
    ///
    /// - Source: Du et al. 2022 (GLM), arXiv:2103.10360, section 2.2.
    case learnedTwice
    /// Fixed sines and cosines of the position.
    case sinusoidal(SinusoidalOrder)
}

/// The parameters of an embedding.
package struct EmbeddingShape: Equatable, Sendable {
    package let vocabularySize: Int
    package let contextLength: Int
    package let width: Int
    package let positions: PositionEmbedding
    /// The factor applied to token embeddings.
    package let tokenScale: Float
    /// The normalization of the sum of the embeddings; nil: none.
    package let normalization: NormalizationStyle?
    package let initializer: Initializer

    /// A shape with the given properties.
    package init(
        vocabularySize: Int, contextLength: Int, width: Int, positions: PositionEmbedding, tokenScale: Float,
        normalization: NormalizationStyle?, initializer: Initializer
    ) {
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.width = width
        self.positions = positions
        self.tokenScale = tokenScale
        self.normalization = normalization
        self.initializer = initializer
    }
}

/// The sum of token and position embeddings, normalized if the model does so, with dropout.
package struct Embedding<Element: Storage> {
    /// The offset of the token table [V, C] in an arena; a tied head and another embedding share it.
    package let tokenTable: Int
    private let positionTable: Int?
    private let spanTable: Int?
    private let sinusoids: SinusoidalTable<Element>?
    private let normalization: Normalization<Element>?
    private let vocabularySize: Int
    private let contextLength: Int
    private let width: Int
    private let tokenScale: Float
    private let site: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        /// The output, [B, T, C].
        package let output: UnsafeMutablePointer<Element>
        let unnormalized: UnsafeMutablePointer<Element>?
        let statistics: Normalization<Element>.Statistics?
    }

    /// Declares `name`token_embedding.weight [V, C] unless the table is shared, `name`position_embedding.weight
    /// [contextLength, C] and `name`span_position_embedding.weight [contextLength, C] if they are learned, and
    /// `name`embedding_normalization if there is one.
    ///
    /// - Parameters:
    ///   - sharedTable: The offset of another embedding's token table to share.
    ///   - site: The number of the dropout site of the output.
    package init(
        _ name: String, _ shape: EmbeddingShape, sharing sharedTable: Int? = nil, site: Int,
        in layout: inout ParameterLayout
    ) {
        self.site = site
        vocabularySize = shape.vocabularySize
        contextLength = shape.contextLength
        width = shape.width
        tokenScale = shape.tokenScale
        let (positionShape, initializer) = ([shape.contextLength, shape.width], shape.initializer)
        tokenTable =
            sharedTable
            ?? layout.declare(
                "\(name)token_embedding.weight", [shape.vocabularySize, shape.width], initializer, decays: true)
        func positions(_ name: String, in layout: inout ParameterLayout) -> Int {
            layout.declare("\(name).weight", positionShape, initializer, decays: true)
        }
        switch shape.positions {
        case .none:
            (positionTable, spanTable, sinusoids) = (nil, nil, nil)
        case .learned:
            (positionTable, spanTable, sinusoids) = (positions("\(name)position_embedding", in: &layout), nil, nil)
        case .learnedTwice:
            positionTable = positions("\(name)position_embedding", in: &layout)
            spanTable = positions("\(name)span_position_embedding", in: &layout)
            sinusoids = nil
        case .sinusoidal(let order):
            (positionTable, spanTable) = (nil, nil)
            sinusoids = SinusoidalTable(positions: shape.contextLength, width: shape.width, order: order)
        }
        normalization = shape.normalization.map {
            Normalization("\(name)embedding_normalization", width: shape.width, $0, in: &layout)
        }
    }

    /// Allocates activations for `rows` rows.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            output: arena.take(Element.self, rows * width),
            unnormalized: normalization.map { _ in arena.take(Element.self, rows * width) },
            statistics: normalization.map { _ in arena.takeStatistics(Element.self, rows: rows) })
    }

    /// Computes output[b, t] = scale · token table[tokens[b, t]] + position table[first + t], normalized, with dropout.
    ///
    /// - Parameter first: The position of each sequence's first token, if the input has no explicit positions.
    package func forward(
        _ input: TokenInput, _ activations: Activations, _ pass: Pass<Element>, first: Int = 0
    ) {
        let (rows, weights) = (pass.rows, pass.context.weights)
        let sum = activations.unnormalized ?? activations.output
        let table = positionTable.map { weights + $0 } ?? sinusoids.map { $0.base }
        embedding(
            input.tokens, tokenTable: weights + tokenTable, multiplier: tokenScale,
            positionTable: table.map { $0 + (input.positionIDs == nil ? first * width : 0) },
            positionIDs: input.positionIDs,
            into: sum, sequences: pass.sequences, positions: pass.positions, vocabulary: vocabularySize,
            table: contextLength - (input.positionIDs == nil ? first : 0), width: width)
        if let spanTable, let spanPositionIDs = input.spanPositionIDs {
            addRows(
                of: weights + spanTable, places: spanPositionIDs, accumulatingInto: sum, count: rows,
                rows: contextLength, columns: width)
        }
        if let normalization {
            normalization.forward(
                sum, into: activations.output, activations.statistics!, rows: rows, pass.context)
        }
        pass.dropEmbedding(activations.output, width: width, site: site)
    }

    /// Computes the backward pass of `forward`: the gradients of the tables, unless these are frozen.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C]; undefined afterwards.
    ///   - accumulating: Whether to add to the token table's gradient, which already holds the part of a tied head or
    ///     of another embedding, instead of overwriting it. The gradients of position tables are always overwritten,
    ///     with 0 in unused rows.
    package func backward(
        _ input: TokenInput, outputGradient: UnsafeMutablePointer<Float>, _ activations: Activations,
        _ pass: Pass<Element>, accumulating: Bool
    ) {
        guard let gradients = pass.context.gradients else { return }
        let (rows, count, workspace) = (pass.rows, pass.rows * width, pass.context.workspace)
        pass.context.dropouts.embedding?.apply(
            outputGradient, sequences: pass.sequences, elements: pass.positions * width, site: site)
        var sumGradient = outputGradient
        if let normalization {
            sumGradient = workspace.floats(.branchGradient, count)
            sumGradient.update(repeating: 0, count: count)
            normalization.backward(
                activations.unnormalized!, outputGradient: outputGradient, accumulatingInto: sumGradient,
                activations.statistics!, rows: rows, pass.context)
        }
        let sum = workspace.floats(.sums, width)
        /// Computes the gradient of a table that is indexed by explicit positions.
        func tableBackward(_ positionIDs: UnsafePointer<Int32>, _ table: Int) {
            positionEmbeddingBackward(
                positionIDs: positionIDs, outputGradient: sumGradient, into: gradients + table,
                links: workspace.integers(.links, contextLength + rows), sum: sum, rows: rows,
                positions: contextLength, width: width)
        }
        if let positionTable {
            if let positionIDs = input.positionIDs {
                tableBackward(positionIDs, positionTable)
            } else {
                positionEmbeddingBackward(
                    outputGradient: sumGradient, into: gradients + positionTable, sum: sum,
                    sequences: pass.sequences, positions: pass.positions, width: width)
                // Clears the rows of positions beyond this batch, which an earlier, longer batch may have written.
                (gradients + positionTable + pass.positions * width)
                    .update(repeating: 0, count: (contextLength - pass.positions) * width)
            }
        }
        if let spanTable, let spanPositionIDs = input.spanPositionIDs { tableBackward(spanPositionIDs, spanTable) }
        if !accumulating { (gradients + tokenTable).update(repeating: 0, count: vocabularySize * width) }
        tokenEmbeddingBackward(
            input.tokens, outputGradient: sumGradient, accumulatingInto: gradients + tokenTable,
            links: workspace.integers(.links, vocabularySize + rows), sum: sum, rows: rows,
            vocabulary: vocabularySize, width: width, multiplier: tokenScale)
    }
}
