import CSentencePiece
import Files
import Glibc

/// The byte-pair encoding of short words with the pieces of a SentencePiece model: of all adjacent symbols that
/// together are a piece, the pair with the highest score is merged, the leftmost of equals, until there is none.
///
/// It gives the tokens that SentencePiece gives, in a fraction of the time.
///
/// - Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909; ties and unknown characters as in SentencePiece 0.1.97.
struct BytePairMerges: Sendable {
    /// A place of the hash table, with the piece in it; empty if the piece has no bytes.
    private struct Place {
        var start = 0
        var count = 0
        var token: Int32 = -1
        var score: Float = 0
    }

    /// A symbol of a word, and the piece that it forms together with the next one.
    private struct Symbol {
        var start: Int
        var end: Int
        var token: Int32
        var merged: Int32 = -1
        var score: Float = 0
    }

    /// An open-addressing hash table; its size is a power of two.
    private let places: [Place]
    /// The bytes of all pieces, with spaces for U+2581.
    private let bytes: [UInt8]
    /// The tokens of the 256 bytes, for characters without a piece.
    private let byteTokens: [Int32]

    /// Reads the pieces of a model; nil if not every byte has a token.
    ///
    /// - Precondition: `SentencePieceFile.encodesWordsSeparately` of the model.
    init?(_ handle: SentencePieceHandle) {
        let count = csentencepiece_count(handle.model)
        var size = 1
        while size < 2 * Int(count) { size *= 2 }
        var (places, bytes) = ([Place](repeating: Place(), count: size), [] as [UInt8])
        var byteTokens = [Int32](repeating: -1, count: 256)
        for token in 0..<count {
            let text = handle.text(of: token)
            switch csentencepiece_kind_of(handle.model, token) {
            case csentencepiece_byte:
                if let byte = SentencePieceTokenizer.byte(ofPiece: text) { byteTokens[Int(byte)] = token }
            case csentencepiece_text where !text.contains(space):
                let piece = SentencePieceTokenizer.replacingSpaceSymbols(text)
                var index = Int(truncatingIfNeeded: piece.withUnsafeBytes(hashOfWord)) & (size - 1)
                while places[index].count > 0 { index = (index + 1) & (size - 1) }
                places[index] = Place(
                    start: bytes.count, count: piece.count, token: token,
                    score: csentencepiece_score(handle.model, token))
                bytes += piece
            default: break
            }
        }
        guard !byteTokens.contains(-1) else { return nil }
        (self.places, self.bytes, self.byteTokens) = (places, bytes, byteTokens)
    }

    /// Appends the tokens of a word, whose spaces are all at its start.
    ///
    /// - Parameter word: At most `WordCache.keyBytesLimit` bytes: the time grows with the square of the length.
    /// - Returns: Whether the word is UTF-8; otherwise nothing is appended.
    func encode(_ word: UnsafeRawBufferPointer, appendingTo tokens: inout [Int32]) -> Bool {
        var validator = UTF8Validator()
        guard validator.firstMalformedOffset(in: word) == nil, validator.unfinishedOffset == nil else { return false }
        withUnsafeTemporaryAllocation(of: Symbol.self, capacity: word.count) { symbols in
            var count = 0
            for index in 0..<word.count where word[index] & 0xC0 != 0x80 {
                if count > 0 { symbols[count - 1].end = index }
                symbols.initializeElement(at: count, to: Symbol(start: index, end: word.count, token: -1))
                count += 1
            }
            for index in 0..<count {
                symbols[index].token = find(word, symbols[index].start, symbols[index].end)?.token ?? -1
            }
            for index in 0..<max(0, count - 1) { pair(index, word, symbols) }
            while let best = best(count, symbols) {
                symbols[best].end = symbols[best + 1].end
                symbols[best].token = symbols[best].merged
                for index in best + 1..<count - 1 { symbols[index] = symbols[index + 1] }
                count -= 1
                if best > 0 { pair(best - 1, word, symbols) }
                if best + 1 < count { pair(best, word, symbols) } else { symbols[best].merged = -1 }
            }
            for index in 0..<count {
                let symbol = symbols[index]
                if symbol.token >= 0 {
                    tokens.append(symbol.token)
                } else {
                    for place in symbol.start..<symbol.end { tokens.append(byteTokens[Int(word[place])]) }
                }
            }
        }
        return true
    }

    /// The pair to merge next; nil if there is none.
    private func best(_ count: Int, _ symbols: UnsafeMutableBufferPointer<Symbol>) -> Int? {
        var best: Int?
        for index in 0..<count where symbols[index].merged >= 0 {
            if let other = best, symbols[index].score <= symbols[other].score { continue }
            best = index
        }
        return best
    }

    /// Looks up the piece that a symbol forms with the next one.
    private func pair(_ index: Int, _ word: UnsafeRawBufferPointer, _ symbols: UnsafeMutableBufferPointer<Symbol>) {
        let place = find(word, symbols[index].start, symbols[index + 1].end)
        symbols[index].merged = place?.token ?? -1
        symbols[index].score = place?.score ?? 0
    }

    private func find(_ word: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Place? {
        let part = UnsafeRawBufferPointer(rebasing: word[start..<end])
        var index = Int(truncatingIfNeeded: hashOfWord(part)) & (places.count - 1)
        while places[index].count > 0 {
            let place = places[index]
            if place.count == part.count,
                bytes.withUnsafeBytes({ memcmp($0.baseAddress! + place.start, part.baseAddress!, part.count) }) == 0
            {
                return place
            }
            index = (index + 1) & (places.count - 1)
        }
        return nil
    }
}
