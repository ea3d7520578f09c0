import Kernels
import Tensors

// B sequences, T positions, V vocabulary, C width; rows = B · T.

/// How a position is told from another before the first block.
package enum PositionEmbedding: Equatable, Sendable {
    /// Not at all: attention does it, or nobody.
    case none
    /// By a trained vector a position.
    case learned
    /// By two trained vectors: of a position's place, and of its place inside the span that it fills in.
    ///
    /// - Source: Du et al. 2022 (GLM), arXiv:2103.10360, section 2.2.
    case learnedTwice
    /// By sines and cosines of its number.
    case sinusoidal(SinusoidalOrder)
}

/// What an embedding reads.
package struct TokenInput {
    /// [B, T], each in 0 ..< V.
    package let tokens: UnsafePointer<Int32>
    /// [B, T]; the place of each, in 0 ..< contextLength; nil: its number in the sequence.
    package let places: UnsafePointer<Int32>?
    /// [B, T]; the place of each inside the span that it fills in, 0 outside; only for `learnedTwice`.
    package let spanPlaces: UnsafePointer<Int32>?

    /// Tokens and where they stand.
    package init(
        tokens: UnsafePointer<Int32>, places: UnsafePointer<Int32>? = nil, spanPlaces: UnsafePointer<Int32>? = nil
    ) {
        self.tokens = tokens
        self.places = places
        self.spanPlaces = spanPlaces
    }
}

/// What an embedding is made of.
package struct EmbeddingShape: Equatable, Sendable {
    package let vocabularySize: Int
    package let contextLength: Int
    package let width: Int
    package let positions: PositionEmbedding
    /// What tokens' vectors are multiplied with.
    package let tokenScale: Float
    /// How the sum is normalized; nil leaves it.
    package let normalization: NormalizationStyle?
    package let initializer: Initializer

    /// A shape.
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

/// The embeddings of tokens and of positions, added, normalized where the model does that, and dropped.
package struct Embedding<Element: Storage> {
    /// Where the token table [V, C] stands in an arena: a tied head and another embedding share it.
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

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        /// Its output, [B, T, C].
        package let output: UnsafeMutablePointer<Element>
        let unnormalized: UnsafeMutablePointer<Element>?
        let statistics: Normalization<Element>.Statistics?
    }

    /// Declares `name`token_embedding.weight [V, C] unless it shares another's, `name`position_embedding.weight
    /// [contextLength, C] and `name`span_position_embedding.weight [contextLength, C] where positions are learned, and
    /// `name`embedding_normalization.
    ///
    /// - Parameters:
    ///   - sharedTable: Where the table of another embedding stands.
    ///   - site: The number of the place where its output is dropped.
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

    /// Memory for the activations of `rows`.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            output: arena.take(Element.self, rows * width),
            unnormalized: normalization.map { _ in arena.take(Element.self, rows * width) },
            statistics: normalization.map { _ in arena.takeStatistics(Element.self, rows: rows) })
    }

    /// output[b, t] = scale · token table[tokens[b, t]] + position table[first + t], normalized and dropped.
    ///
    /// - Parameter first: The number of the first position, where the input does not say its own.
    package func forward(
        _ input: TokenInput, weights: UnsafePointer<Element>, _ activations: Activations, _ pass: Pass, first: Int = 0
    ) {
        let rows = pass.rows
        let sum = activations.unnormalized ?? activations.output
        let table = positionTable.map { weights + $0 } ?? sinusoids.map { $0.base }
        embedding(
            input.tokens, tokenTable: weights + tokenTable, multiplier: tokenScale,
            positionTable: table.map { $0 + (input.places == nil ? first * width : 0) }, places: input.places,
            into: sum, sequences: pass.sequences, positions: pass.positions, width: width)
        if let spanTable, let spanPlaces = input.spanPlaces {
            addRows(of: weights + spanTable, places: spanPlaces, accumulatingInto: sum, count: rows, columns: width)
        }
        if let normalization {
            normalization.forward(
                sum, weights: weights, into: activations.output, activations.statistics!, rows: rows)
        }
        pass.dropEmbedding(activations.output, width: width, site: site)
    }

    /// The backward pass.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C]; what it holds afterwards is undefined.
    ///   - accumulating: Adds to the token table's gradient, where a tied head or another embedding has left its part,
    ///     instead of overwriting it. Position tables are always overwritten; rows of no position become 0.
    package func backward(
        _ input: TokenInput, outputGradient: UnsafeMutablePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, _ activations: Activations, _ pass: Pass, accumulating: Bool
    ) {
        let (rows, count, workspace) = (pass.rows, pass.rows * width, pass.workspace)
        pass.dropouts.embedding?.apply(
            outputGradient, sequences: pass.sequences, elements: pass.positions * width, site: site)
        var sumGradient = outputGradient
        if let normalization {
            sumGradient = workspace.floats(.branchGradient, count)
            sumGradient.update(repeating: 0, count: count)
            normalization.backward(
                activations.unnormalized!, outputGradient: outputGradient, weights: weights, gradients: gradients,
                accumulatingInto: sumGradient, activations.statistics!, rows: rows, workspace)
        }
        let sum = workspace.floats(.sums, width)
        /// The gradient of a table of positions that say their own places.
        func tableBackward(_ places: UnsafePointer<Int32>, _ table: Int) {
            positionEmbeddingBackward(
                places: places, outputGradient: sumGradient, into: gradients + table,
                links: workspace.integers(.links, contextLength + rows), sum: sum, rows: rows,
                positions: contextLength, width: width)
        }
        if let positionTable {
            if let places = input.places {
                tableBackward(places, positionTable)
            } else {
                positionEmbeddingBackward(
                    outputGradient: sumGradient, into: gradients + positionTable, sum: sum,
                    sequences: pass.sequences, positions: pass.positions, width: width)
                // Rows that an earlier and longer batch has reached.
                (gradients + positionTable + pass.positions * width)
                    .update(repeating: 0, count: (contextLength - pass.positions) * width)
            }
        }
        if let spanTable, let spanPlaces = input.spanPlaces { tableBackward(spanPlaces, spanTable) }
        if !accumulating { (gradients + tokenTable).update(repeating: 0, count: vocabularySize * width) }
        tokenEmbeddingBackward(
            input.tokens, outputGradient: sumGradient, accumulatingInto: gradients + tokenTable,
            links: workspace.integers(.links, vocabularySize + rows), sum: sum, rows: rows,
            vocabulary: vocabularySize, width: width, multiplier: tokenScale)
    }
}
