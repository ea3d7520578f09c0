/// Buffers the bytes of an incomplete UTF-8 character until it is complete.
struct WholeCharacters {
    private var held: [UInt8] = []

    /// Appends bytes.
    ///
    /// - Returns: All bytes up to the end of the last complete character. Bytes that are not UTF-8 are buffered no
    ///   longer than a character could be.
    mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        held += bytes
        let whole = held.count - incompleteSuffixCount(held)
        defer { held.removeFirst(whole) }
        return Array(held[..<whole])
    }

    /// The remaining bytes at the end of the text.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// Decodes bytes that a model has written or read. Invalid UTF-8 is replaced by U+FFFD: a byte-level model may
    /// generate it, and a cropped prompt may start within a character.
    static func text(of bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The number of trailing bytes that form an incomplete character.
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
            // A continuation byte belongs to a lead byte before it; any other byte ends the search.
            if byte & 0xC0 != 0x80 { return 0 }
        }
        return 0
    }
}
