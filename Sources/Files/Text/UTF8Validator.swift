/// Finds the first invalid byte of UTF-8 text that arrives in chunks of any size.
///
/// - Source: The Unicode Standard 16.0, table 3-7, "Well-Formed UTF-8 Byte Sequences".
package struct UTF8Validator: Sendable {
    /// Whether a multi-byte character has been read.
    private(set) var hasLongCharacter = false
    /// The offset of the next byte.
    private var position: Int
    /// The offset at which the current character starts.
    private var start = 0
    /// The number of continuation bytes that the current character still needs.
    private var missing = 0
    /// The allowed values of its next byte.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    /// A validator for bytes whose first one is at offset `position`.
    package init(position: Int = 0) { self.position = position }

    /// Validates the next chunk.
    ///
    /// - Returns: The offset of the first malformed sequence, or nil if all bytes so far are well-formed.
    package mutating func firstMalformedOffset(in chunk: UnsafeRawBufferPointer) -> Int? {
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

    /// The offset of the last character if it is incomplete, otherwise nil.
    package var unfinishedOffset: Int? { missing > 0 ? start : nil }

    /// Returns the number of ASCII bytes that start at `index`, rounded down to a multiple of eight.
    private func asciiCount(in chunk: UnsafeRawBufferPointer, from index: Int) -> Int {
        var end = index
        while end + 8 <= chunk.count,
            chunk.loadUnaligned(fromByteOffset: end, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            end += 8
        }
        return end - index
    }

    /// Starts a character; returns false if `byte` cannot start one.
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
