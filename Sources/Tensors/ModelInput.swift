// B sequences, T positions, S source positions, P patches of N values each.

/// The model's input for the sequences of one micro-batch.
///
/// Every layer of the program uses these names, from the samples of a dataset to the attention mask.
package struct ModelInput {
    /// B.
    package var sequences: Int
    /// T.
    package var positions: Int
    /// The tokens; nil for images.
    package var tokens: TokenInput?
    /// [B, P, N]; the patches of images; nil for texts.
    package var patches: UnsafePointer<Float>?
    /// [B]; the length of each sequence without padding, at least 1; nil: T.
    package var lengths: UnsafePointer<Int32>?
    /// [B]; the length of the prefix with bidirectional attention; only for prefix decoders.
    package var prefixLengths: UnsafePointer<Int32>?
    /// [B, T]; for each position, the start of its document, the earliest position that it attends to; nil: 0.
    package var documentStarts: UnsafePointer<Int32>?
    /// The input of the encoder; nil for models without cross-attention.
    package var source: SourceInput?

    /// An input without optional fields.
    package init(sequences: Int, positions: Int) {
        self.sequences = sequences
        self.positions = positions
    }
}

/// The tokens of sequences and their positions.
package struct TokenInput {
    /// [B, T], each in 0 ..< vocabulary size.
    package let tokens: UnsafePointer<Int32>
    /// [B, T]; the position ID of each token, in 0 ..< context length; nil: its index in the sequence.
    package let positionIDs: UnsafePointer<Int32>?
    /// [B, T]; the position of each token within its masked span, 0 outside spans; nil: no spans.
    package let spanPositionIDs: UnsafePointer<Int32>?

    /// Tokens and their positions.
    package init(
        tokens: UnsafePointer<Int32>, positionIDs: UnsafePointer<Int32>? = nil,
        spanPositionIDs: UnsafePointer<Int32>? = nil
    ) {
        self.tokens = tokens
        self.positionIDs = positionIDs
        self.spanPositionIDs = spanPositionIDs
    }
}

/// The source sequences of an encoder.
package struct SourceInput {
    /// [B, S].
    package let tokens: UnsafePointer<Int32>
    /// S.
    package let positions: Int
    /// [B]; the length of each source without padding.
    package let lengths: UnsafePointer<Int32>

    /// Source sequences.
    package init(tokens: UnsafePointer<Int32>, positions: Int, lengths: UnsafePointer<Int32>) {
        self.tokens = tokens
        self.positions = positions
        self.lengths = lengths
    }
}

/// The targets of R rows: one for each position or, with pooling, for each sequence.
package enum Targets {
    /// [R]; a class or token for each row, or `ignoredTarget`.
    case classes(UnsafePointer<Int32>)
    /// [R]; a token for each row, `ignoredTarget` or `joinedTarget`, and [R, `count`]; the tokens from which it is to
    /// be distinguished, or `ignoredTarget`.
    case sampled(UnsafePointer<Int32>, noise: UnsafePointer<Int32>, count: Int)
    /// [R, V]; V values for each row: labels of 0 or 1, or real numbers.
    case values(UnsafePointer<Float>)
}
