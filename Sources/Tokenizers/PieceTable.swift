import CSentencePiece
import Files
import Glibc

/// The pieces of a SentencePiece model whose words are encoded independently, by their bytes.
struct PieceTable: Sendable {
    /// A place of the hash table, with the piece in it; empty if the piece has no bytes.
    struct Place {
        fileprivate var start = 0
        fileprivate var count = 0
        var token: Int32 = -1
        var score: Float = 0
    }

    /// An open-addressing hash table; its size is a power of two.
    private let places: [Place]
    /// The bytes of all pieces, with spaces for U+2581.
    private let bytes: [UInt8]
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
        let count = csentencepiece_count(handle.model)
        var size = 1
        while size < 2 * Int(count) { size *= 2 }
        var (places, bytes) = ([Place](repeating: Place(), count: size), [] as [UInt8])
        var byteTokens = [Int32](repeating: -1, count: 256)
        var (lowest, longest) = (Float.infinity, 0)
        for token in 0..<count {
            let text = handle.text(of: token)
            switch csentencepiece_kind_of(handle.model, token) {
            case csentencepiece_byte:
                if let byte = SentencePieceTokenizer.byte(ofPiece: text) { byteTokens[Int(byte)] = token }
            case csentencepiece_text where !text.contains(space):
                let piece = SentencePieceTokenizer.replacingSpaceSymbols(text)
                var index = Int(truncatingIfNeeded: piece.withUnsafeBytes(checksum)) & (size - 1)
                while places[index].count > 0 { index = (index + 1) & (size - 1) }
                let score = csentencepiece_score(handle.model, token)
                places[index] = Place(start: bytes.count, count: piece.count, token: token, score: score)
                bytes += piece
                (lowest, longest) = (min(lowest, score), max(longest, piece.count))
            default: break
            }
        }
        guard !byteTokens.contains(-1) else { return nil }
        (self.places, self.bytes, self.byteTokens) = (places, bytes, byteTokens)
        (lowestScore, longestPiece) = (lowest, longest)
    }

    /// Returns the piece of these bytes.
    func find(_ word: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Place? {
        let part = UnsafeRawBufferPointer(rebasing: word[start..<end])
        var index = Int(truncatingIfNeeded: checksum(part)) & (places.count - 1)
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
