import CSentencePiece

extension SentencePieceTokenizer {
    /// A model that `TokenizerAlgorithm` has learned, as other programs write it down.
    package struct LearnedPieces: Sendable {
        /// Whether it is a unigram model; otherwise one of byte pairs.
        package let isUnigram: Bool
        /// A piece for each token.
        package let pieces: [Piece]

        /// A piece of the model.
        package struct Piece: Sendable {
            /// Its text, U+2581 standing for a space, or its name.
            package let text: String
            /// The logarithm of its probability, or its rank among the merges, the first being the highest.
            package let score: Float
            package let kind: Kind
        }

        /// What becomes a piece.
        package enum Kind: Sendable {
            /// A part of a text.
            case learned
            /// A byte of a character without a piece.
            case byte
            /// A line break; or no text at all, but what the piece is named for.
            case taken
        }
    }

    /// The pieces of a model that `TokenizerAlgorithm` has learned; nil for any other model.
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
