import CSentencePiece
import Failures
import Files
import Synchronization

/// A model of SentencePiece, applied line by line.
///
/// The tokens of a line are what SentencePiece makes of it. Between lines stands the model's token of a line break, its
/// piece "\n" or "<0x0A>"; a model with neither sees a space there. A line of more than 64 KiB is cut at a space in its
/// second half, where models do not look across; where there is none, at a character.
///
/// A model that `TokenizerAlgorithm` has learned changes no text: what it decodes from its tokens is what was encoded. As
/// SentencePiece itself reads U+2581 as a space, such a character becomes its three bytes there. Other models do with
/// texts what SentencePiece does with them.
///
/// - Source: Kudo & Richardson 2018, arXiv:1808.06226.
package final class SentencePieceTokenizer: Tokenizer {
    /// The bytes of the model, as SentencePiece reads them.
    package let model: [UInt8]
    package let description: TokenizerDescription
    package let vocabularySize: Int
    let handle: SentencePieceHandle
    /// The same model for what stands within a line, loaded where it is needed: for texts that are cut.
    private let innerModel = Mutex<SentencePieceHandle?>(nil)
    /// The tokens that U+2581 becomes in a text; nil where SentencePiece decides about it.
    private let spaceSymbolBytes: [Int32]?
    /// What each piece of the model decodes to.
    private let pieces: [Piece]
    let lineBreak: Int32?
    /// Whether SentencePiece puts a space before a line, and decoding takes it off.
    private let addsSpace: Bool

    /// A line that is longer is cut between here and twice as far.
    static let segmentBytes = 1 << 15

    private struct Piece {
        var text: [UInt8] = []
        /// Whether the text begins with what encoding makes of a space, and adds to a line.
        var beginsWithSpace = false
    }

    /// Loads a model. Special tokens that it has no piece for get the numbers after its pieces.
    ///
    /// - Parameter source: Where the model comes from, for messages.
    /// - Throws: `badData` where it is none.
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

    /// The model for what stands within a line.
    private func innerHandle() throws(Failure) -> SentencePieceHandle {
        guard addsSpace else { return handle }
        if let loaded = innerModel.withLock({ $0 }) { return loaded }
        let loaded = try SentencePieceHandle(model + SentencePieceTokenizer.withoutAddedSpace, "The tokenizer")
        innerModel.withLock { $0 = loaded }
        return loaded
    }

    /// Appended to a model, it makes SentencePiece add no space to the start of a text: the field `add_dummy_prefix` (3) of
    /// the message `normalizer_spec` (3). Messages that stand twice are merged, and the last value counts.
    private static let withoutAddedSpace: [UInt8] = [3 << 3 | 2, 2, 3 << 3, 0]

    // MARK: Encoding

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let limit = 2 * SentencePieceTokenizer.segmentBytes
        var start = 0
        /// Appends the tokens of a part of a line, which begins at `start`.
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

    /// Where a long line is cut: the end of its first segment, and the start of the next.
    private func cut(_ window: UnsafeRawBufferPointer) -> (end: Int, next: Int) {
        let space = UInt8(ascii: " ")
        for index in SentencePieceTokenizer.segmentBytes..<window.count - 1
        where window[index] == space && window[index - 1] != space && window[index + 1] != space {
            // The space before the next segment is the one that SentencePiece adds, but before U+2581, which it does not see.
            if spaceSymbolBytes != nil, window[index + 1] == SentencePieceTokenizer.spaceSymbol[0] { continue }
            return (index, addsSpace ? index + 1 : index)
        }
        var boundary = window.count - 1
        // Behind a space a segment would seem to be without it; where all are spaces, the next one begins with one.
        while boundary > 1, window[boundary - 1] == space, window[boundary] != space { boundary -= 1 }
        while boundary > 1, window[boundary] & 0xC0 == 0x80 { boundary -= 1 }
        return (boundary, boundary)
    }

    /// Appends the tokens of a part of a line, of which `previous` is the byte before; nil or a line break at its start.
    private func appendPart(
        _ part: UnsafeRawBufferPointer, after previous: UInt8?, to tokens: inout [Int32]
    ) throws(Failure) {
        let space = UInt8(ascii: " ")
        // After a cut at a space that space is the one that SentencePiece adds.
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

    /// The text of each token's piece, as the model has it; tokens without a piece have a name between angle brackets.
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

    /// U+2581, which stands for a space in the text of a piece.
    private static let spaceSymbol = Array("\u{2581}".utf8)

    private static func piece(_ id: Int32, of handle: SentencePieceHandle) -> Piece {
        let text = handle.text(of: id)
        switch csentencepiece_kind_of(handle.model, id) {
        case csentencepiece_control:
            return Piece()
        case csentencepiece_unknown:
            // As SentencePiece shows it, unless a model says otherwise.
            return Piece(text: Array(" \u{2047} ".utf8))
        case csentencepiece_byte:
            // "<0x0A>": two digits.
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
