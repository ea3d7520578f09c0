import Layers

// B sequences, T positions, S source positions, P patches of N values each.

/// The model's input for the sequences of one micro-batch.
package struct ModelInput {
    /// B.
    package var sequences: Int
    /// T.
    package var positions: Int
    /// [B, T]; nil for images.
    package var tokens: TokenInput?
    /// [B]; the length of each sequence without padding; nil: T.
    package var lengths: UnsafePointer<Int32>?
    /// [B]; the length of the prefix with bidirectional attention; only for prefix decoders.
    package var prefixes: UnsafePointer<Int32>?
    /// [B, T]; the first position to which each position attends; nil: 0.
    package var firstKeys: UnsafePointer<Int32>?
    /// The input of the encoder.
    package var source: Source?
    /// [B, P, N]; for images.
    package var patches: UnsafePointer<Float>?

    /// The source sequences of an encoder.
    package struct Source {
        /// [B, S].
        package var tokens: UnsafePointer<Int32>
        /// S.
        package var positions: Int
        /// [B]; the length of each source without padding.
        package var lengths: UnsafePointer<Int32>

        /// Source sequences.
        package init(tokens: UnsafePointer<Int32>, positions: Int, lengths: UnsafePointer<Int32>) {
            self.tokens = tokens
            self.positions = positions
            self.lengths = lengths
        }
    }

    /// An input without optional fields.
    package init(sequences: Int, positions: Int) {
        self.sequences = sequences
        self.positions = positions
    }
}
