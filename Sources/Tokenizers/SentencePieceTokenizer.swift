import CSentencePiece
import Failures
import Files
import Synchronization
import TokenizerPipelines

/// A SentencePiece model.
///
/// A model that `TokenizerAlgorithm` trained is applied to each line separately, with the token of the piece "\n"
/// between lines. It is lossless: decoding reproduces the encoded text. Because SentencePiece reads U+2581 as a space,
/// such a model encodes that character as three byte tokens.
///
/// Any other model is applied to the whole text, as SentencePiece does, and may change it.
///
/// A line or text of more than 64 KiB is cut at a space in its second half, where pieces do not cross, or, without a
/// suitable space, at a character boundary. There the scores of a unigram model begin anew, which in SentencePiece lose
/// precision with the length of the text.
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
    /// Encodes short words; nil if the tokens of a word depend on other words.
    private let merges: BytePairModel?
    private let wordCaches = WordCachePool()
    /// The decoded texts of all pieces, concatenated, and where each begins; one more for the end.
    private let texts: [UInt8]
    private let textStarts: [Int]
    /// Whether the text of a piece begins with a space, which SentencePiece may have added to the line.
    private let beginsWithSpace: [Bool]
    /// The token between lines; nil if the model is applied to the whole text.
    let lineBreak: Int32?
    /// Whether SentencePiece adds a space before a text, which decoding removes.
    private let addsSpace: Bool
    /// Whether a text can be cut at a space: no piece has one behind a character, and the space that is cut off is
    /// added again.
    private let isCuttable: Bool

    /// A line, or a text, of at least twice this many bytes is cut in the second half of that range.
    static let segmentBytes = 1 << 15

    /// Loads a model.
    ///
    /// - Parameters:
    ///   - source: The origin of the model, for error messages.
    ///   - limit: Special tokens without a piece get IDs after those of the pieces, unless that makes more tokens.
    /// - Throws: `badData` if it is not a valid model.
    package init(model: [UInt8], source: String, limit: Int = .max) throws(Failure) {
        let handle = try SentencePieceHandle(model, source)
        let count = csentencepiece_count(handle.model)
        var special = handle.specialTokens()
        var completed = special
        var vocabularySize = Int(completed.addMissing(from: count))
        if vocabularySize <= limit { special = completed } else { vocabularySize = Int(count) }
        self.model = model
        self.handle = handle
        self.vocabularySize = vocabularySize
        description = TokenizerDescription(
            kind: .sentencepiece, modelDigest: Digest.of(model), specialTokens: special)
        var (texts, starts, spaces) = ([] as [UInt8], [0], [] as [Bool])
        for token in 0..<count {
            let (text, beginsWithSpace) = SentencePieceTokenizer.piece(token, of: handle)
            texts += text
            starts.append(texts.count)
            spaces.append(beginsWithSpace)
        }
        (self.texts, textStarts, beginsWithSpace) = (texts, starts, spaces)
        lineBreak = handle.isLearnedHere ? handle.find("\n") : nil
        let first = try Array("a".utf8).withUnsafeBufferPointer { text throws(Failure) in
            try handle.encode(UnsafeRawBufferPointer(text)).first
        }
        addsSpace = first.map { handle.text(of: $0).starts(with: SentencePieceTokenizer.spaceSymbol) } ?? false
        let crossesSpace = (0..<Int(count)).contains { token in
            let text = texts[starts[token]..<starts[token + 1]]
            return zip(text, text.dropFirst()).contains { $0 != space && $1 == space }
        }
        isCuttable = handle.isLearnedHere || addsSpace && !crossesSpace
        let bytes = ["<0xE2>", "<0x96>", "<0x81>"].compactMap(handle.find)
        spaceSymbolBytes = handle.isLearnedHere && bytes.count == 3 ? bytes : nil
        merges =
            spaceSymbolBytes != nil && SentencePieceFile.encodesWordsSeparately(model)
            ? SentencePieceTokenizer.merges(handle) : nil
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
        try wordCaches.withCache { cache throws(Failure) in
            try encode(bytes, isLast: isLast, after: previous, cache, appendingTo: &tokens)
        }
    }

    private func encode(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, after previous: UInt8?, _ cache: WordCache,
        appendingTo tokens: inout [Int32]
    ) throws(Failure) -> Int {
        var start = 0
        while let part = nextPart(of: bytes, from: start, isLast: isLast) {
            let text = UnsafeRawBufferPointer(rebasing: bytes[start..<part.end])
            try append(text, after: start > 0 ? bytes[start - 1] : previous, cache, to: &tokens)
            if part.endsLine, let lineBreak { tokens.append(lineBreak) }
            start = part.next
        }
        return start
    }

    package func prefixCount(of bytes: UnsafeRawBufferPointer, after previous: UInt8?) -> Int {
        // A part ends at every line break, if there is a token for it.
        var start = lineBreak.flatMap { _ in bytes.lastIndex(of: UInt8(ascii: "\n")) }.map { $0 + 1 } ?? 0
        while let part = nextPart(of: bytes, from: start, isLast: false) { start = part.next }
        return start
    }

    /// The part of a line or text that starts at `start` and is encoded at once: its end, the start of the next part,
    /// and whether a line break ends it; nil at the end, or if its end depends on bytes that follow.
    private func nextPart(
        of bytes: UnsafeRawBufferPointer, from start: Int, isLast: Bool
    ) -> (end: Int, next: Int, endsLine: Bool)? {
        let window = UnsafeRawBufferPointer(
            rebasing: bytes[start..<min(bytes.count, start + 2 * SentencePieceTokenizer.segmentBytes)])
        if lineBreak != nil, let end = firstIndex(of: UInt8(ascii: "\n"), in: window, from: 0) {
            return (start + end, start + end + 1, true)
        }
        if isCuttable, window.count == 2 * SentencePieceTokenizer.segmentBytes {
            let (end, next) = cut(window)
            return (start + end, start + next, false)
        }
        return isLast && !window.isEmpty ? (bytes.count, bytes.count, false) : nil
    }

    /// The position at which to cut a long line or text: the end of its first segment, and the start of the next.
    private func cut(_ window: UnsafeRawBufferPointer) -> (end: Int, next: Int) {
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

    /// Appends the tokens of a part of a line or text. `previous` is the byte before it; nil at the start of the text.
    private func append(
        _ part: UnsafeRawBufferPointer, after previous: UInt8?, _ cache: WordCache, to tokens: inout [Int32]
    ) throws(Failure) {
        // If the line was cut at a space, that space is the one that SentencePiece adds.
        let beginsLine = previous == nil || lineBreak != nil && previous == UInt8(ascii: "\n")
        let addsSpaceHere = beginsLine || (previous == space && part.first != space)
        guard let spaceSymbolBytes else {
            tokens += try (addsSpaceHere ? handle : innerHandle()).encode(part)
            return
        }
        var start = 0
        while let place = SentencePieceTokenizer.firstSpaceSymbol(in: part, from: start) {
            let text = UnsafeRawBufferPointer(rebasing: part[start..<place])
            try append(text, addsSpace: addsSpaceHere && start == 0, cache, to: &tokens)
            tokens += spaceSymbolBytes
            start = place + SentencePieceTokenizer.spaceSymbol.count
        }
        let text = UnsafeRawBufferPointer(rebasing: part[start...])
        try append(text, addsSpace: addsSpaceHere && start == 0, cache, to: &tokens)
    }

    /// Appends the tokens of a text without U+2581; by words, if there is a cache of words.
    private func append(
        _ text: UnsafeRawBufferPointer, addsSpace isAdded: Bool, _ cache: WordCache, to tokens: inout [Int32]
    ) throws(Failure) {
        var validator = UTF8Validator()
        guard let merges, validator.firstMalformedOffset(in: text) == nil, validator.unfinishedOffset == nil else {
            tokens += try (isAdded ? handle : innerHandle()).encode(text)
            return
        }
        let bytes = text.bindMemory(to: UInt8.self)
        var start = 0
        while start < text.count {
            // A word is a run of spaces, which may be empty, and what follows up to the next space.
            var end = start
            while end < text.count, text[end] == space { end += 1 }
            while end < text.count, text[end] != space { end += 1 }
            let word = UnsafeBufferPointer(rebasing: bytes[start..<end])
            if start == 0, isAdded, addsSpace {
                ([space] + word).withUnsafeBufferPointer { merges.encode($0, cache, into: &tokens) }
            } else {
                merges.encode(word, cache, into: &tokens)
            }
            start = end
        }
    }

    /// The merges of a model whose words are encoded separately; nil if it has none in a fixed order, or no tokens for
    /// all bytes.
    private static func merges(_ handle: SentencePieceHandle) -> BytePairModel? {
        handle.wordPieces().flatMap { BytePairModel(scored: $0.pieces, byteTokens: $0.byteTokens) }
    }

    private static func firstSpaceSymbol(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while let found = firstIndex(of: spaceSymbol[0], in: bytes, from: index), found + 2 < bytes.count {
            if bytes[found + 1] == spaceSymbol[1], bytes[found + 2] == spaceSymbol[2] { return found }
            index = found + 1
        }
        return nil
    }

    /// The text of each token's piece in the model; for tokens without a piece, a name in angle brackets.
    package var pieceNames: [String] {
        let count = Int32(beginsWithSpace.count)
        let special = SpecialTokens.names.compactMap { name, token in
            description.specialTokens[keyPath: token].map { (number: $0, name: "<\(name)>") }
        }
        let added = (count..<Int32(vocabularySize)).map { number in
            special.first { $0.number == number }?.name ?? "<\(number)>"
        }
        return (0..<count).map { String(decoding: handle.text(of: $0), as: UTF8.self) } + added
    }

    package var byteFallbackTokens: [Int32] {
        (0..<Int32(beginsWithSpace.count)).filter {
            csentencepiece_kind_of(handle.model, $0) == csentencepiece_byte
        }
    }

    package func name(ofSpecial token: Int32) -> [UInt8] {
        Int(token) < beginsWithSpace.count ? handle.text(of: token) : specialTokens.name(of: token)
    }

    // MARK: Decoding

    package func decode(_ token: Int32, after state: inout DecodingState, appendingTo bytes: inout [UInt8]) {
        guard token >= 0, Int(token) < vocabularySize else {
            bytes += replacementCharacter
            state.startsLine = false
            return
        }
        let piece = Int(token)
        guard piece < beginsWithSpace.count, textStarts[piece] < textStarts[piece + 1] else { return }
        let isSpaceAdded = state.startsLine && addsSpace && beginsWithSpace[piece]
        bytes.append(contentsOf: texts[textStarts[piece] + (isSpaceAdded ? 1 : 0)..<textStarts[piece + 1]])
        state.startsLine = lineBreak != nil && token == lineBreak
    }

    /// U+2581, which represents a space in pieces.
    private static let spaceSymbol = Array("\u{2581}".utf8)

    /// The decoded text of a piece, and whether it begins with a space that SentencePiece may have added.
    private static func piece(
        _ id: Int32, of handle: SentencePieceHandle
    ) -> (text: [UInt8], beginsWithSpace: Bool) {
        let text = handle.text(of: id)
        switch csentencepiece_kind_of(handle.model, id) {
        case csentencepiece_control:
            return ([], false)
        case csentencepiece_unknown:
            // SentencePiece's default text for unknown pieces.
            return (Array(" \u{2047} ".utf8), false)
        case csentencepiece_byte:
            return (byte(ofPiece: text).map { [$0] } ?? text, false)
        default:
            return (replacingSpaceSymbols(text), text.starts(with: spaceSymbol))
        }
    }

    /// The byte of a byte piece, whose name is "<0x0A>", with two hexadecimal digits.
    static func byte(ofPiece name: [UInt8]) -> UInt8? {
        UInt8(String(decoding: name.dropFirst(3).dropLast(), as: UTF8.self), radix: 16)
    }

    /// The text of a piece, with spaces for U+2581.
    static func replacingSpaceSymbols(_ text: [UInt8]) -> [UInt8] {
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

/// The byte that SentencePiece represents by U+2581.
let space = UInt8(ascii: " ")
