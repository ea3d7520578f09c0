/// White space as Python's `str.strip` removes it.
enum Whitespace {
    /// The text without white space at its start.
    static func trimmingStart(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first {
            if isSpace(first) {
                text = text.dropFirst()
            } else if let length = [2, 3].first(where: { isWide(text.prefix($0)) }) {
                text = text.dropFirst(length)
            } else {
                return text
            }
        }
        return text
    }

    /// The text without white space at its end.
    static func trimmingEnd(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let last = text.last {
            if isSpace(last) {
                text = text.dropLast()
            } else if let length = [2, 3].first(where: { isWide(text.suffix($0)) }) {
                text = text.dropLast(length)
            } else {
                return text
            }
        }
        return text
    }

    private static func isSpace(_ byte: UInt8) -> Bool { (0x09...0x0D).contains(byte) || (0x1C...0x20).contains(byte) }

    /// Whether bytes are a white space character of two or three bytes.
    private static func isWide(_ bytes: ArraySlice<UInt8>) -> Bool { wide.contains { bytes.elementsEqual($0) } }

    private static let wide: [[UInt8]] = {
        let scalars: [UInt32] = [0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000] + Array(0x2000...0x200A)
        return scalars.compactMap(Unicode.Scalar.init).map { Array(String($0).utf8) }
    }()
}
