import TokenizerPipelines

/// The pieces of a SentencePiece model whose words are encoded independently, by their bytes.
struct PieceTable: Sendable {
    private let vocabulary: Vocabulary
    /// The score of each token; 0 if it has no piece.
    private let scores: [Float]
    /// The tokens of the 256 bytes, for characters without a piece.
    let byteTokens: [Int32]
    /// The lowest score of a piece.
    let lowestScore: Float
    /// The length of the longest piece in bytes.
    let longestPiece: Int

    /// Reads the pieces of a model; nil if not every byte has a token.
    ///
    /// - Precondition: `SentencePieceFile.hasSeparateWords` of the model.
    init?(_ handle: SentencePieceHandle) {
        guard let (pieces, byteTokens) = handle.wordPieces() else { return nil }
        var vocabulary = Vocabulary(capacity: pieces.count)
        var scores = [Float](repeating: 0, count: 1 + Int(pieces.map(\.number).max() ?? -1))
        var (lowest, longest) = (Float.infinity, 0)
        for piece in pieces where vocabulary.insert(piece.text, piece.number) {
            scores[Int(piece.number)] = piece.score
            (lowest, longest) = (min(lowest, piece.score), max(longest, piece.text.count))
        }
        (self.vocabulary, self.scores, self.byteTokens) = (vocabulary, scores, byteTokens)
        (lowestScore, longestPiece) = (lowest, longest)
    }

    /// Returns the token and the score of the piece of these bytes.
    func find(_ word: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> (token: Int32, score: Float)? {
        let part = UnsafeRawBufferPointer(rebasing: word[start..<end]).bindMemory(to: UInt8.self)
        return vocabulary.number(of: part).map { ($0, scores[Int($0)]) }
    }
}
