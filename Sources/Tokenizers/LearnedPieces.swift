import CSentencePiece

extension SentencePieceTokenizer {
    /// The contents of a model that `TokenizerAlgorithm` trained, for export to other formats.
    package struct LearnedPieces: Sendable {
        /// Whether it is a unigram model; otherwise BPE.
        package let isUnigram: Bool
        /// The piece of each token.
        package let pieces: [Piece]

        /// A piece of the model.
        package struct Piece: Sendable {
            /// The text, with U+2581 for spaces, or the name of a special piece.
            package let text: String
            /// The log-probability for unigram; for BPE a score that decreases with each merge.
            package let score: Float
            package let kind: Kind
        }

        /// The kinds of pieces.
        package enum Kind: Sendable {
            /// A piece of text from training.
            case learned
            /// A single byte, for characters without a piece.
            case byte
            /// The line break, or a special token.
            case taken
        }
    }

    /// The pieces of a model that `TokenizerAlgorithm` trained; nil for other models.
    package var learnedPieces: LearnedPieces? {
        guard handle.isLearnedHere, vocabularySize == csentencepiece_count(handle.model) else { return nil }
        let all = (0..<csentencepiece_count(handle.model)).map { id -> LearnedPieces.Piece in
            let kind: LearnedPieces.Kind =
                switch csentencepiece_kind_of(handle.model, id) {
                case csentencepiece_byte: .byte
                case csentencepiece_text: id == lineBreak ? .taken : .learned
                default: .taken
                }
            return LearnedPieces.Piece(
                text: String(decoding: handle.text(of: id), as: UTF8.self),
                score: csentencepiece_score(handle.model, id), kind: kind)
        }
        return LearnedPieces(isUnigram: SentencePieceFile.isUnigram(model), pieces: all)
    }
}
