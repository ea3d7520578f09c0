import CSentencePiece

/// The contents of a SentencePiece model, for formats of other programs.
package struct SentencePieceContents: Sendable {
    /// The kinds of pieces.
    package enum Kind: UInt64, Sendable { case text = 1, unknown, control, userDefined, unused, byte }

    /// A piece of the model: its text, with U+2581 for spaces, and its score.
    package struct Piece: Sendable {
        package let text: String
        package let score: Float
        package let kind: Kind
    }

    /// Whether texts are split by unigram probabilities; false: by merging pairs; nil: in another way.
    package let isUnigram: Bool?
    /// The pieces in the order of their token IDs.
    package let pieces: [Piece]
    /// Whether a text gets a space before it.
    package let addsSpace: Bool
    /// Whether runs of spaces become one, and those at the ends of a text are removed.
    package let joinsSpaces: Bool
    /// The rules that replace characters, in the format of the model; empty if there are none.
    package let characterMap: [UInt8]
}

extension SentencePieceTokenizer {
    /// The contents of the model.
    package var contents: SentencePieceContents {
        let settings = SentencePieceFile.Settings(model)
        let pieces = settings.types.enumerated().map { id, type in
            SentencePieceContents.Piece(
                text: String(decoding: handle.text(of: Int32(id)), as: UTF8.self),
                score: csentencepiece_score(handle.model, Int32(id)),
                kind: SentencePieceContents.Kind(rawValue: type) ?? .text)
        }
        return SentencePieceContents(
            isUnigram: [1: true, 2: false][settings.modelType], pieces: pieces, addsSpace: settings.addsSpace,
            joinsSpaces: settings.removesSpaces, characterMap: settings.characterMap)
    }

    /// Whether each line of a text is encoded by itself, as dtrain's own models are applied.
    package var encodesLines: Bool { lineBreak != nil }
}
