import CSentencePiece
import Failures
import Files

/// A model of SentencePiece, applied line by line.
///
/// The tokens of a line are what SentencePiece makes of it. Between lines stands the model's token of a line break, its
/// piece "\n" or "<0x0A>"; a model with neither sees a space there. A line of more than 64 KiB is cut at a space in its
/// second half, where models do not look across; where there is none, at a character.
///
/// - Source: Kudo & Richardson 2018, arXiv:1808.06226.
package final class SentencePieceTokenizer: Tokenizer {
    /// The bytes of the model, as SentencePiece reads them.
    package let model: [UInt8]
    package let description: TokenizerDescription
    package let vocabularySize: Int
    private let handle: Handle
    /// What each piece of the model decodes to.
    private let pieces: [Piece]
    private let lineBreak: Int32?
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
        let handle = try Handle(model, source)
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
    }

    // MARK: Encoding

    package func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        let limit = 2 * SentencePieceTokenizer.segmentBytes
        var start = 0
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let window = UnsafeRawBufferPointer(rebasing: rest.prefix(limit))
            if let end = window.firstIndex(of: UInt8(ascii: "\n")) {
                tokens += try handle.encode(UnsafeRawBufferPointer(rebasing: window[..<end]))
                if let lineBreak { tokens.append(lineBreak) }
                start += end + 1
            } else if rest.count >= limit {
                let (end, next) = cut(window)
                tokens += try handle.encode(UnsafeRawBufferPointer(rebasing: window[..<end]))
                start += next
            } else if isLast {
                tokens += try handle.encode(rest)
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
            // The space before the next segment is the one that SentencePiece adds.
            return (index, addsSpace ? index + 1 : index)
        }
        var boundary = window.count - 1
        while boundary > window.count - 4, window[boundary] & 0xC0 == 0x80 { boundary -= 1 }
        return (boundary, boundary)
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

    private static func piece(_ id: Int32, of handle: Handle) -> Piece {
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

/// A loaded model of SentencePiece.
///
/// Sendable: nothing changes it after loading, and SentencePiece encodes for several threads at once.
private final class Handle: @unchecked Sendable {
    let model: OpaquePointer

    init(_ bytes: [UInt8], _ source: String) throws(Failure) {
        try SentencePieceFile.check(bytes, source: source)
        var error = csentencepiece_error()
        let loaded = bytes.withUnsafeBytes { csentencepiece_load($0.baseAddress, $0.count, &error) }
        guard let loaded, csentencepiece_count(loaded) > 0 else {
            if let loaded { csentencepiece_unload(loaded) }
            throw Failure(
                .badData,
                "\(source): not a model of SentencePiece: it has no pieces, one that is empty or stands twice, not one for "
                    + "unknown text, or not one for each byte where it has some for bytes. Give a .model file that "
                    + "SentencePiece wrote, or train one: --tokenizer bpe:SIZE.")
        }
        model = loaded
    }

    deinit { csentencepiece_unload(model) }

    func find(_ piece: String) -> Int32? {
        let id = csentencepiece_find(model, piece)
        return id < 0 ? nil : id
    }

    func text(of id: Int32) -> [UInt8] {
        var count = 0
        let start = csentencepiece_piece(model, id, &count)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Those that the model has, by their roles or by the names that models give them.
    func specialTokens() -> SpecialTokens {
        let count = csentencepiece_count(model)
        func role(_ id: Int32) -> Int32? { id >= 0 && id < count ? id : nil }
        func named(_ names: String...) -> Int32? {
            for name in names { if let id = find(name) { return id } }
            return nil
        }
        return SpecialTokens(
            pad: role(csentencepiece_pad(model)), unknown: role(csentencepiece_unk(model)),
            bos: role(csentencepiece_bos(model)), eos: role(csentencepiece_eos(model)),
            mask: named("<mask>", "[MASK]"), sep: named("<sep>", "[SEP]"), cls: named("<cls>", "[CLS]"))
    }

    func encode(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> [Int32] {
        if bytes.isEmpty { return [] }
        var error = csentencepiece_error()
        var count = 0
        let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard let ids = csentencepiece_encode(model, start, bytes.count, &count, &error) else {
            throw Failure(
                .badData,
                "The tokenizer cannot encode a text: its SentencePiece model is damaged. Copy the model, or train it again."
            )
        }
        defer { csentencepiece_release(ids) }
        return Array(UnsafeBufferPointer(start: ids, count: count))
    }
}
