/// Finds the first byte that is not UTF-8, in chunks cut anywhere.
///
/// - Source: The Unicode Standard 16.0, table 3-7, "Well-Formed UTF-8 Byte Sequences".
struct UTF8Validator {
    /// Whether a character of more than one byte has been read.
    private(set) var hasLongCharacter = false
    /// The offset of the next byte.
    private var position: Int
    /// Where the character that is being read starts.
    private var start = 0
    /// Continuation bytes that it still needs.
    private var missing = 0
    /// What its next byte may be.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    /// A validator of bytes whose first one has the offset `position`.
    init(position: Int = 0) { self.position = position }

    /// Takes the next chunk.
    ///
    /// - Returns: The offset of the first byte of a malformed sequence; nil where all bytes so far are well-formed.
    mutating func firstMalformedOffset(in chunk: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        while index < chunk.count {
            if missing == 0 {
                index += asciiCount(in: chunk, from: index)
                guard index < chunk.count else { break }
                start = position + index
                guard begin(chunk[index]) else { return start }
            } else {
                guard allowed.contains(chunk[index]) else { return start }
                allowed = 0x80...0xBF
                missing -= 1
                if missing == 0 { hasLongCharacter = true }
            }
            index += 1
        }
        position += chunk.count
        return nil
    }

    /// Where the text ends within a character: the offset of that character.
    var unfinishedOffset: Int? { missing > 0 ? start : nil }

    /// The number of ASCII bytes from `index` on, eight at a time and therefore perhaps up to seven too few.
    private func asciiCount(in chunk: UnsafeRawBufferPointer, from index: Int) -> Int {
        var end = index
        while end + 8 <= chunk.count,
            chunk.loadUnaligned(fromByteOffset: end, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            end += 8
        }
        return end - index
    }

    /// Starts a character; false for a byte that starts none.
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: (missing, allowed) = (1, 0x80...0xBF)
        case 0xE0: (missing, allowed) = (2, 0xA0...0xBF)
        case 0xED: (missing, allowed) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (missing, allowed) = (2, 0x80...0xBF)
        case 0xF0: (missing, allowed) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (missing, allowed) = (3, 0x80...0xBF)
        case 0xF4: (missing, allowed) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }
}
