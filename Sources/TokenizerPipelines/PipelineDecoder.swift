/// A way from tokens back to text: a decoder of `tokenizer.json`.
///
/// Every step changes the text of single tokens. Only the start of the text, and bytes that form characters together,
/// depend on other tokens.
struct PipelineDecoder: Sendable {
    /// A step that changes the text of a token.
    enum Step: Sendable {
        /// Visible characters become the bytes for which they stand.
        case byteLevel
        case replace([UInt8], by: [UInt8])
        /// A token that does not continue a word gets a space before it.
        case wordPiece(prefix: [UInt8], cleansUp: Bool)
        /// A token "<0x0A>" becomes the byte.
        case byteFallback
        /// A symbol becomes a space.
        case metaspace([UInt8], dropsFirst: Bool)
    }

    /// The text of a token.
    struct Piece: Sendable {
        /// Its text at the start of a text.
        var first: [UInt8]
        /// Its text behind other tokens.
        var inner: [UInt8]
        /// Whether it is a byte that may form a character with other tokens.
        var isByte = false
    }

    var steps: [Step] = []
    /// What is removed from the start of the text, once.
    var strippedStart: [UInt8] = []
    /// Whether tokens are joined with spaces, as without a decoder.
    var joinsWithSpaces = false

    /// The text of a token.
    func piece(_ text: [UInt8]) -> Piece {
        var piece = Piece(first: text, inner: joinsWithSpaces ? [0x20] + text : text)
        for step in steps {
            if case .byteFallback = step {
                guard let byte = PipelineDecoder.byte(named: piece.inner) else { continue }
                piece = Piece(first: [byte], inner: [byte], isByte: true)
            } else {
                PipelineDecoder.apply(step, to: &piece.first, isFirst: true)
                PipelineDecoder.apply(step, to: &piece.inner, isFirst: false)
            }
        }
        if !strippedStart.isEmpty, piece.first.starts(with: strippedStart) {
            piece.first.removeFirst(strippedStart.count)
        }
        return piece
    }

    private static func apply(_ step: Step, to text: inout [UInt8], isFirst: Bool) {
        switch step {
        case .byteLevel: text = ByteCharacters.bytes(of: text) ?? text
        case .replace(let wanted, let content): ReplacedPattern.text(wanted).replace(in: &text, by: content)
        case .metaspace(let symbol, let dropsFirst):
            ReplacedPattern.text(symbol).replace(in: &text, by: isFirst && dropsFirst ? [] : [0x20])
        case .wordPiece(let prefix, let cleansUp):
            if !isFirst {
                let continues = text.starts(with: prefix)
                text = continues ? Array(text.dropFirst(prefix.count)) : [0x20] + text
            }
            guard cleansUp else { return }
            for (found, replacement) in PipelineDecoder.cleaning {
                ReplacedPattern.text(found).replace(in: &text, by: replacement)
            }
        case .byteFallback: break
        }
    }

    /// What the decoder of WordPiece replaces to set spaces as in English text.
    private static let cleaning: [([UInt8], [UInt8])] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { (Array($0.utf8), Array($1.utf8)) }

    /// The byte of a token like "<0x0A>"; nil for other tokens.
    static func byte(named text: [UInt8]) -> UInt8? {
        guard text.count == 6, text.starts(with: Array("<0x".utf8)), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }
}
