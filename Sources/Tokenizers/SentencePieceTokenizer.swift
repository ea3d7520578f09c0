import CSentencePiece
import Failures
import Files
import Synchronization

/// A SentencePiece model, applied to each line separately.
///
/// Between lines it inserts the model's line break token, the piece "\n" or "<0x0A>"; models with neither lose line
/// breaks. A line of more than 64 KiB is cut at a space in its second half, where pieces do not cross, or, without a
/// suitable space, at a character boundary.
///
/// A model that `TokenizerAlgorithm` trained is lossless: decoding reproduces the encoded text. Because SentencePiece
/// reads U+2581 as a space, such a model encodes that character as three byte tokens. Other models may change texts, as
/// they do in SentencePiece.
///
/// - Source: Kudo & Richardson 2018, arXiv:1808.06226.
package final class SentencePieceTokenizer: Tokenizer {
    /// The model in SentencePiece's file format.
    package let model: [UInt8]
    package let description: TokenizerDescription
    package let vocabularySize: Int
    let handle: SentencePieceHandle
    /// The same model without an added space, for text that does not begin a line; loaded on first use.
    private let innerModel = Mutex<SentencePieceHandle?>(nil)
    /// The tokens that encode U+2581; nil if SentencePiece encodes it itself.
    private let spaceSymbolBytes: [Int32]?
    /// The decoded text of each piece.
    private let pieces: [Piece]
    let lineBreak: Int32?
    /// Whether SentencePiece adds a space before a line, which decoding removes.
    private let addsSpace: Bool

    /// A line of at least twice this many bytes is cut in the second half of that range.
    static let segmentBytes = 1 << 15

    private struct Piece {
        var text: [UInt8] = []
        /// Whether the text begins with a space, which SentencePiece may have added to the line.
        var beginsWithSpace = false
    }

    /// Loads a model. Special tokens without a piece get IDs after those of the pieces.
    ///
    /// - Parameter source: The origin of the model, for error messages.
    /// - Throws: `badData` if it is not a valid model.
    package init(model: [UInt8], source: String) throws(Failure) {
        let handle = try SentencePieceHandle(model, source)
        let count = csentencepiece_count(handle.model)
        var special = handle.specialTokens()
        let vocabularySize = Int(special.addMissing(from: count))
        self.model = model
        self.handle = handle
        self.vocabularySize = vocabularySize
        description = TokenizerDescription(
            kind: .sentencepiece, modelDigest: Digest.of(model), specialTokens: special)
        pieces = (0..<count).map { SentencePieceTokenizer.piece($0, of: handle) }
        lineBreak = handle.find("\n") ?? handle.find("<0x0A>")
        let first = try Array("a".utf8).withUnsafeBufferPointer { text throws(Failure) in
            try handle.encode(UnsafeRawBufferPointer(text)).first
        }
        addsSpace = first.map { handle.text(of: $0).starts(with: SentencePieceTokenizer.spaceSymbol) } ?? false
        let bytes = ["<0xE2>", "<0x96>", "<0x81>"].compactMap(handle.find)
        spaceSymbolBytes = handle.isLearnedHere && bytes.count == 3 ? bytes : nil
    }

    /// The model for text that does not begin a line.
    private func innerHandle() throws(Failure) -> SentencePieceHandle {
        guard addsSpace else { return handle }
        if let loaded = innerModel.withLock({ $0 }) { return loaded }
        let loaded = try SentencePieceHandle(model + SentencePieceTokenizer.withoutAddedSpace, "The tokenizer")
        innerModel.withLock { $0 = loaded }
        return loaded
    }

    /// Appended to a model, these bytes disable the added space: they set `add_dummy_prefix` (3) of `normalizer_spec`
    /// (3) to false. Protocol buffers merge repeated messages, and the last value of a field wins.
    private static let withoutAddedSpace: [UInt8] = [3 << 3 | 2, 2, 3 << 3, 0]

    // MARK: Encoding

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let limit = 2 * SentencePieceTokenizer.segmentBytes
        var start = 0
        /// Appends the tokens of a part of a line that begins at `start`.
        func append(_ part: UnsafeRawBufferPointer) throws(Failure) {
            try appendPart(part, after: start > 0 ? bytes[start - 1] : previous, to: &tokens)
        }
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let window = UnsafeRawBufferPointer(rebasing: rest.prefix(limit))
            if let end = window.firstIndex(of: UInt8(ascii: "\n")) {
                try append(UnsafeRawBufferPointer(rebasing: window[..<end]))
                if let lineBreak { tokens.append(lineBreak) }
                start += end + 1
            } else if rest.count >= limit {
                let (end, next) = cut(window)
                try append(UnsafeRawBufferPointer(rebasing: window[..<end]))
                start += next
            } else if isLast {
                try append(rest)
                start = bytes.count
            } else {
                break
            }
        }
        return start
    }

    /// The position at which to cut a long line: the end of its first segment, and the start of the next.
    private func cut(_ window: UnsafeRawBufferPointer) -> (end: Int, next: Int) {
        let space = UInt8(ascii: " ")
        for index in SentencePieceTokenizer.segmentBytes..<window.count - 1
        where window[index] == space && window[index - 1] != space && window[index + 1] != space {
            // This space is the one that SentencePiece adds to the next segment, except before U+2581, where it adds
            // none.
            if spaceSymbolBytes != nil, window[index + 1] == SentencePieceTokenizer.spaceSymbol[0] { continue }
            return (index, addsSpace ? index + 1 : index)
        }
        var boundary = window.count - 1
        // Does not cut directly after a space, since the next segment would look as if that space had been cut off;
        // within a run of spaces, the next segment begins with a space.
        while boundary > 1, window[boundary - 1] == space, window[boundary] != space { boundary -= 1 }
        while boundary > 1, window[boundary] & 0xC0 == 0x80 { boundary -= 1 }
        return (boundary, boundary)
    }

    /// Appends the tokens of a part of a line. `previous` is the byte before it; at the start of a line it is nil or a
    /// line break.
    private func appendPart(
        _ part: UnsafeRawBufferPointer, after previous: UInt8?, to tokens: inout [Int32]
    ) throws(Failure) {
        let space = UInt8(ascii: " ")
        // If the line was cut at a space, that space is the one that SentencePiece adds.
        let beginsLine = previous == nil || previous == UInt8(ascii: "\n")
        let addsSpaceHere = beginsLine || (previous == space && part.first != space)
        let first = addsSpaceHere ? handle : try innerHandle()
        guard let spaceSymbolBytes else {
            tokens += try first.encode(part)
            return
        }
        var start = 0
        while let place = SentencePieceTokenizer.firstSpaceSymbol(in: part, from: start) {
            tokens += try (start == 0 ? first : innerHandle()).encode(.init(rebasing: part[start..<place]))
            tokens += spaceSymbolBytes
            start = place + SentencePieceTokenizer.spaceSymbol.count
        }
        tokens += try (start == 0 ? first : innerHandle()).encode(.init(rebasing: part[start...]))
    }

    private static func firstSpaceSymbol(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index + 2 < bytes.count {
            if bytes[index] == spaceSymbol[0], bytes[index + 1] == spaceSymbol[1], bytes[index + 2] == spaceSymbol[2] {
                return index
            }
            index += 1
        }
        return nil
    }

    /// The text of each token's piece in the model; for tokens without a piece, a name in angle brackets.
    package var pieceNames: [String] {
        let count = Int32(pieces.count)
        let special = SpecialTokens.names.compactMap { name, token in
            description.specialTokens[keyPath: token].map { (number: $0, name: "<\(name)>") }
        }
        let added = (count..<Int32(vocabularySize)).map { number in
            special.first { $0.number == number }?.name ?? "<\(number)>"
        }
        return (0..<count).map { String(decoding: handle.text(of: $0), as: UTF8.self) } + added
    }

    // MARK: Decoding

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        guard token >= 0, Int(token) < vocabularySize else {
            bytes += replacementCharacter
            state.startsLine = false
            return
        }
        guard Int(token) < pieces.count, !pieces[Int(token)].text.isEmpty else { return }
        let piece = pieces[Int(token)]
        bytes += state.startsLine && addsSpace && piece.beginsWithSpace ? piece.text.dropFirst() : piece.text[...]
        state.startsLine = token == lineBreak
    }

    /// U+2581, which represents a space in pieces.
    private static let spaceSymbol = Array("\u{2581}".utf8)

    private static func piece(_ id: Int32, of handle: SentencePieceHandle) -> Piece {
        let text = handle.text(of: id)
        switch csentencepiece_kind_of(handle.model, id) {
        case csentencepiece_control:
            return Piece()
        case csentencepiece_unknown:
            // SentencePiece's default text for unknown pieces.
            return Piece(text: Array(" \u{2047} ".utf8))
        case csentencepiece_byte:
            // The name of a byte piece is "<0x0A>", with two hexadecimal digits.
            let digits = String(decoding: text.dropFirst(3).dropLast(), as: UTF8.self)
            return Piece(text: UInt8(digits, radix: 16).map { [$0] } ?? text)
        default:
            return Piece(text: replacingSpaceSymbols(text), beginsWithSpace: text.starts(with: spaceSymbol))
        }
    }

    private static func replacingSpaceSymbols(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index...].starts(with: spaceSymbol) {
                result.append(UInt8(ascii: " "))
                index += spaceSymbol.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
