import Layers

// B sequences, T positions, S positions of the source, P patches of N numbers.

/// What a model reads of the sequences of one slot.
package struct ModelInput {
    /// B.
    package var sequences: Int
    /// T.
    package var positions: Int
    /// The tokens, [B, T]; nil for images.
    package var tokens: TokenInput?
    /// [B]; the positions of each sequence that count; nil: all.
    package var lengths: UnsafePointer<Int32>?
    /// [B]; the first positions, which see each other; only for prefix decoders.
    package var prefixes: UnsafePointer<Int32>?
    /// [B, T]; the first position that each one sees; nil: 0.
    package var firstKeys: UnsafePointer<Int32>?
    /// What an encoder reads.
    package var source: Source?
    /// [B, P, N]; for images.
    package var patches: UnsafePointer<Float>?

    /// The sequences that an encoder reads.
    package struct Source {
        /// [B, S].
        package var tokens: UnsafePointer<Int32>
        /// S.
        package var positions: Int
        /// [B]; the positions of each sequence that count.
        package var lengths: UnsafePointer<Int32>

        /// Sources.
        package init(tokens: UnsafePointer<Int32>, positions: Int, lengths: UnsafePointer<Int32>) {
            self.tokens = tokens
            self.positions = positions
            self.lengths = lengths
        }
    }

    /// Sequences without more than their number and length.
    package init(sequences: Int, positions: Int) {
        self.sequences = sequences
        self.positions = positions
    }
}
