/// Holds back the bytes of a character that has not come to its end yet, so that no reader sees half of one.
struct WholeCharacters {
    private var held: [UInt8] = []

    /// Takes in bytes as they come.
    ///
    /// - Returns: All bytes up to the last place where a UTF-8 character may end. Bytes that belong to no character
    ///   are not held back for longer than a character could be.
    mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        held += bytes
        let whole = held.count - incompleteSuffixCount(held)
        defer { held.removeFirst(whole) }
        return Array(held[..<whole])
    }

    /// The bytes that are still held back, at the end of the text.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// The text of bytes that a model has written or read, where a sequence that is not UTF-8 becomes U+FFFD: a model of bytes
    /// may write one, and a cropped prompt may begin with one.
    static func text(of bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The number of last bytes that begin a character and do not end it.
    private func incompleteSuffixCount(_ bytes: [UInt8]) -> Int {
        for (index, byte) in bytes.suffix(3).reversed().enumerated() {
            let length =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            if length > 1 { return index + 1 < length ? index + 1 : 0 }
            // A continuation byte belongs to a lead byte further left; anything else ends the search.
            if byte & 0xC0 != 0x80 { return 0 }
        }
        return 0
    }
}
