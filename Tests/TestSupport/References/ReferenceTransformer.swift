import Kernels

// B sequences, T positions, S source positions, C hidden size, V outputs, H query heads, K KV heads, D head dimension.

/// A Transformer of any family in Float64, composed of the reference operations.
///
/// Parameters are given by their names in the layout, and their presence determines the architecture: biases and
/// shifts, the number of blocks, an encoder, cross-attention, a normalization of embeddings, a head transform. Without
/// "head.weight" the head uses the token table; without its own token table the decoder uses the encoder's.
package struct ReferenceTransformer {
    /// The placement of normalization.
    package enum Placement: Sendable { case pre, post, sandwich }

    /// The position encoding.
    package enum Positions: Sendable { case learned, sinusoidal, sinusoidalHalves, rotary, relative, distance, none }

    /// The reduction of hidden states to one row per sequence.
    package enum Pooling: Sendable { case first, mean, dense, denseReLU }

    package var width = 8
    package var heads = 2
    package var keyHeads = 2
    /// The number of query heads of the stack that sees an encoder's output; nil: `heads`.
    package var targetHeads: Int?
    /// D; nil: C / H.
    package var headDimension: Int?
    /// Whether all sublayers of a block read the block's input.
    package var isParallel = false
    /// Whether normalization is RMS normalization.
    package var isRootMeanSquare = false
    /// The value added to the scales of RMS normalization.
    package var scaleOffset = 0.0
    package var epsilon = 1e-5
    package var placement = Placement.pre
    package var positions = Positions.learned
    package var rotaryBase = 10_000.0
    /// Returns the bucket of a distance from query to key.
    package var bucket: @Sendable (_ distance: Int, _ isBidirectional: Bool) -> Int = { _, _ in 0 }
    /// The window of attention, and the number of first blocks without it; 0: none.
    package var window = 0
    package var unlimited = 0
    package var scalesScores = true
    /// The factor applied to the hidden states before the output projection.
    package var headScale = 1.0
    /// The frequencies of the rotated columns; nil: all columns, the powers of the base.
    package var rotaryFrequencies: [Double]?
    /// The activation of the feed-forward layer, and whether it is that of a gate.
    package var activation = ActivationForm.geluTanh
    package var isGated = false
    /// The factor applied to token embeddings.
    package var tokenScale = 1.0
    /// Whether each position attends only to earlier ones, itself and the prefix.
    package var isCausal = true
    /// nil: every position has a prediction.
    package var pooling: Pooling?
    package var dropouts = ReferenceDropouts()

    /// A pre-norm decoder with hidden size 8.
    package init() {}

    /// The input of a model; arrays are [B, T] unless noted otherwise.
    package struct Input {
        package var sequences = 1
        package var positions = 1
        package var tokens: [Int] = []
        package var positionIDs: [Int]?
        package var spanPositionIDs: [Int]?
        /// The number of valid positions of each sequence, [B].
        package var lengths: [Int]?
        /// The length of each sequence's prefix, [B].
        package var prefixLengths: [Int]?
        package var documentStarts: [Int]?
        /// The tokens of the encoder, [B, S].
        package var sourceTokens: [Int] = []
        /// The number of valid source positions of each sequence, [B].
        package var sourceLengths: [Int] = []
        /// [B, T − 1, values per patch].
        package var patches: [Double] = []

        /// An empty input.
        package init() {}
    }

    /// Returns the logits or values of every row: [B, T, V], or [B, V] with pooling.
    package func output(_ parameters: [String: [Double]], _ input: Input) -> [Double] {
        // Dropout sites are numbered in the order of the forward pass.
        var site = 0
        var memory: Memory?
        if !input.sourceTokens.isEmpty {
            var source = Input()
            (source.sequences, source.tokens, source.lengths) = (
                input.sequences, input.sourceTokens, input.sourceLengths
            )
            source.positions = source.tokens.count / source.sequences
            let mask = Reference.Mask(isCausal: false, lengths: source.lengths)
            let embedded = embedding(parameters, "encoder.", source, site: &site)
            let rows = stack(
                parameters, "encoder.", embedded,
                Pass(sequences: source.sequences, positions: source.positions, mask: mask), site: &site)
            memory = Memory(rows: rows, positions: source.positions, mask: mask)
        }
        let pass = Pass(
            sequences: input.sequences, positions: input.positions,
            mask: Reference.Mask(
                isCausal: isCausal, lengths: input.lengths, prefixLengths: input.prefixLengths,
                documentStarts: input.documentStarts),
            memory: memory)
        let embedded =
            input.tokens.isEmpty
            ? patchEmbedding(parameters, input, site: &site) : embedding(parameters, "", input, site: &site)
        let hidden = stack(parameters, "", embedded, pass, site: &site)
        return predictions(parameters, pooled(parameters, hidden, pass))
    }

    /// Computes a stack of blocks and, except for post-norm, the final normalization.
    private func stack(
        _ parameters: [String: [Double]], _ prefix: String, _ input: [Double], _ pass: Pass, site: inout Int
    ) -> [Double] {
        var (stream, index) = (input, 0)
        while parameters["\(prefix)blocks.\(index).attention.projection.weight"] != nil {
            stream = block(parameters, "\(prefix)blocks.\(index)", stream, pass, site: &site)
            index += 1
        }
        return placement == .post ? stream : normalized(parameters, "\(prefix)final_normalization", stream)
    }

    private func pooled(_ parameters: [String: [Double]], _ hidden: [Double], _ pass: Pass) -> [Double] {
        guard let pooling else { return hidden }
        let rows = (0..<pass.sequences).flatMap { sequence -> [Double] in
            let length = pooling == .mean ? pass.mask.lengths?[sequence] ?? pass.positions : 1
            let start = sequence * pass.positions * width
            let sums = Reference.columnSums(Array(hidden[start..<start + length * width]), columns: width)
            return Reference.scaled(sums, by: 1 / Double(length))
        }
        guard pooling == .dense || pooling == .denseReLU else { return rows }
        return linear(parameters, "pooler", rows).map { Reference.activation($0, pooling == .dense ? .tanh : .relu) }
    }

    private func predictions(_ parameters: [String: [Double]], _ hidden: [Double]) -> [Double] {
        var rows = hidden
        if parameters["head_transform.weight"] != nil {
            let mapped = linear(parameters, "head_transform", rows)
            rows = normalized(
                parameters, "head_normalization", mapped.map { Reference.activation($0, activation) })
        }
        return Reference.linear(
            Reference.scaled(rows, by: headScale), weight: parameters["head.weight"] ?? tokenTable(parameters, ""),
            bias: parameters["head.bias"],
            rows: rows.count / width, inputWidth: width)
    }
}

/// The dropout of one pass, by kind of site; nil: no dropout.
package struct ReferenceDropouts: Sendable {
    package var embedding: Reference.Dropout?
    package var attention: Reference.Dropout?
    package var residual: Reference.Dropout?

    /// No dropout.
    package init() {}

    /// Dropout with three probabilities, for sequences with the global sample indices `samples`.
    package init(
        embedding: Double, attention: Double, residual: Double, seed: UInt64, step: Int, samples: [UInt64]
    ) {
        func dropout(_ rate: Double) -> Reference.Dropout? {
            rate == 0 ? nil : Reference.Dropout(rate: rate, seed: seed, step: step, samples: samples)
        }
        self.embedding = dropout(embedding)
        self.attention = dropout(attention)
        self.residual = dropout(residual)
    }
}
