/// The lengths of the longest sequences of batches, in tokens.
package struct SequenceLengths: Equatable, Sendable {
    /// The longest sequence; in an encoder-decoder, the longest target.
    package let positions: Int
    /// The longest source of an encoder-decoder.
    package let sourcePositions: Int

    /// Lengths of `positions` and of `sourcePositions`; nil: the same.
    package init(_ positions: Int, source sourcePositions: Int? = nil) {
        self.positions = positions
        self.sourcePositions = sourcePositions ?? positions
    }

    /// The longer one.
    package var longest: Int { max(positions, sourcePositions) }

    /// Both as long as the shorter one: a batch that has the longest source and the longest target may not exist, but
    /// one does that needs at least this much memory.
    package var lowerBound: SequenceLengths { SequenceLengths(min(positions, sourcePositions)) }

    /// The longer of these lengths and `other`, each for itself.
    package func including(_ other: SequenceLengths) -> SequenceLengths {
        SequenceLengths(max(positions, other.positions), source: max(sourcePositions, other.sourcePositions))
    }
}
