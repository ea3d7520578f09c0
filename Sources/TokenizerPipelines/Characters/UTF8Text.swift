/// UTF-8 bytes that are read character by character. Invalid bytes are read as U+FFFD, one by one.
struct UTF8Text {
    let bytes: UnsafeBufferPointer<UInt8>

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The code point at `index`, and its length in bytes; `index` is below the number of bytes.
    @inline(__always) func scalar(at index: Int) -> (value: UInt32, count: Int) {
        let first = bytes[index]
        return first < 0x80 ? (UInt32(first), 1) : longScalar(at: index)
    }

    private func longScalar(at index: Int) -> (value: UInt32, count: Int) {
        let first = UInt32(bytes[index])
        let invalid: (UInt32, Int) = (0xFFFD, 1)
        func next(_ distance: Int) -> UInt32? {
            guard index + distance < bytes.count else { return nil }
            let byte = UInt32(bytes[index + distance])
            return byte & 0xC0 == 0x80 ? byte & 0x3F : nil
        }
        guard first >= 0xC2, first < 0xF5, let second = next(1) else { return invalid }
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        guard let third = next(2) else { return invalid }
        if first < 0xF0 {
            let value = (first & 0xF) << 12 | second << 6 | third
            return value < 0x800 || (0xD800..<0xE000).contains(value) ? invalid : (value, 3)
        }
        guard let fourth = next(3) else { return invalid }
        let value = (first & 7) << 18 | second << 12 | third << 6 | fourth
        return value < 0x10000 || value > 0x10FFFF ? invalid : (value, 4)
    }

    /// The code point that ends before `index`, which is above 0, and its length in bytes.
    @inline(__always) func scalar(before index: Int) -> (value: UInt32, count: Int) {
        var start = index - 1
        while start > 0, index - start < 4, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        let found = scalar(at: start)
        return found.count == index - start ? found : (0xFFFD, 1)
    }

    /// The number of characters.
    var scalarCount: Int {
        var (count, index) = (0, 0)
        while index < bytes.count {
            index += scalar(at: index).count
            count += 1
        }
        return count
    }
}

extension [UInt8] {
    /// Appends a code point, which is not a surrogate, as UTF-8.
    @inline(__always) mutating func append(scalar: UInt32) {
        if scalar < 0x80 {
            append(UInt8(truncatingIfNeeded: scalar))
        } else if scalar < 0x800 {
            append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        } else if scalar < 0x10000 {
            append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        } else {
            append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        }
    }
}
