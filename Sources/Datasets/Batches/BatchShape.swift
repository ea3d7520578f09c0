/// The fields that the sequences of a batch have, and their maximum sizes.
package struct BatchShape: Equatable, Sendable {
    /// T: the maximum length of a sequence.
    package var positions: Int
    /// Whether sequences may be shorter than T and are padded.
    package var hasLengths = false
    /// Whether each sequence has a source of up to T tokens.
    package var hasSource = false
    /// Whether each sequence begins with a prefix and has explicit position IDs.
    package var hasPrefixes = false
    /// Whether sequences consist of documents without attention across their boundaries.
    package var hasDocuments = false
    /// The number of elements of an image's patches; 0 if sequences are not images.
    package var patchNumbers = 0
    /// Whether each position has a target; otherwise each sequence has one target class or one vector of target values.
    package var hasTargetPerPosition = true
    /// The number of noise tokens of each target; 0: none.
    package var noise = 0
    /// The number of target values per sequence.
    package var values = 0

    /// The shape of sequences of T tokens with a target at each position.
    package init(positions: Int) { self.positions = positions }

    /// The number of targets of a sequence of T positions.
    func targets(positions: Int) -> Int { hasTargetPerPosition ? positions : 1 }
}
