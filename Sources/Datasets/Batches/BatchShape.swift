/// What the sequences of a batch carry, and how much of it at most.
package struct BatchShape: Equatable, Sendable {
    /// T: positions of the longest sequence.
    package var positions: Int
    /// Whether sequences end before T, so that the rest is padding.
    package var hasLengths = false
    /// Whether each sequence has a source, of up to T positions.
    package var hasSource = false
    /// Whether each sequence begins with a prefix, and positions say their own places.
    package var hasPrefixes = false
    /// Whether sequences are cut into documents that do not see each other.
    package var hasDocuments = false
    /// The numbers of an image's patches, where sequences are images.
    package var patchNumbers = 0
    /// Whether there is a target for each position, and not one, or one row of values, for each sequence.
    package var hasTargetPerPosition = true
    /// The target values of a sequence.
    package var values = 0

    /// The shape of sequences of T tokens with a target each.
    package init(positions: Int) { self.positions = positions }

    /// The targets of a sequence of T positions.
    func targets(positions: Int) -> Int { hasTargetPerPosition ? positions : 1 }
}
