/// Paths are bytes, and the program holds them as `String`: how any bytes become a `String` and back without loss.
///
/// Valid UTF-8 stays as it is. Each byte b that is not part of valid UTF-8 becomes the private-use scalar
/// U+10FF00 + b, from U+10FF80 to U+10FFFF. The four bytes of such a scalar that stands in a path by itself are treated
/// as if they were not valid, so that `bytes(of:)` gives back the bytes of every path. The pieces of a path can be joined
/// and cut at slashes as text.
///
/// Files and standard output get the bytes; messages show each as `\xNN`; configurations and manifests, which are UTF-8,
/// record the scalars, and so read back as the same path.
///
/// - Source: PEP 383, "Non-decodable Bytes in System Character Interfaces", whose lone surrogates Swift's strings
///   cannot hold.
package enum PathText {
    private static let base: UInt32 = 0x10_FF00

    /// The byte that `scalar` stands for; nil where it stands for itself.
    package static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        scalar.value >= base + 0x80 ? UInt8(scalar.value - base) : nil
    }

    /// The text of a path's bytes.
    package static func text(of bytes: UnsafeBufferPointer<UInt8>) -> String {
        // Every scalar of the range begins with this byte.
        if !bytes.contains(0xF4), let text = String(validating: bytes, as: UTF8.self) { return text }
        var text = String.UnicodeScalarView()
        var rest = bytes[...]
        while let first = rest.first {
            if let (scalar, count) = firstScalar(rest), byte(of: scalar) == nil {
                text.append(scalar)
                rest = rest.dropFirst(count)
            } else {
                text.append(Unicode.Scalar(base + UInt32(first))!)
                rest = rest.dropFirst()
            }
        }
        return String(text)
    }

    /// The text of a path's bytes.
    package static func text(of bytes: [UInt8]) -> String { bytes.withUnsafeBufferPointer { text(of: $0) } }

    /// The text of a path as the system gives it, ended by a zero byte.
    package static func text(of path: UnsafePointer<CChar>) -> String {
        var count = 0
        while path[count] != 0 { count += 1 }
        return path.withMemoryRebound(to: UInt8.self, capacity: count) { text(of: .init(start: $0, count: count)) }
    }

    /// Whether `text` stands for bytes that are not UTF-8 (or are those of a scalar that stands for a byte).
    package static func isEscaped(_ text: some StringProtocol) -> Bool {
        text.utf8.contains(0xF4) && text.unicodeScalars.contains { byte(of: $0) != nil }
    }

    /// The bytes that `text` stands for.
    package static func bytes(of text: String) -> [UInt8] {
        guard isEscaped(text) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += UTF8.encode(scalar)! }
        }
        return bytes
    }

    /// `text` for a person: each byte that is not UTF-8 as `\xNN`.
    package static func shown(_ text: String) -> String {
        guard isEscaped(text) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if let byte = byte(of: scalar) {
                shown += "\\x" + String(byte, radix: 16, uppercase: true)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The valid UTF-8 scalar that `bytes` begin with, and its length; nil where they begin with none.
    private static func firstScalar(
        _ bytes: Slice<UnsafeBufferPointer<UInt8>>
    ) -> (scalar: Unicode.Scalar, count: Int)? {
        let lead = bytes[bytes.startIndex]
        let count =
            switch lead {
            case 0x00...0x7F: 1
            case 0xC2...0xDF: 2
            case 0xE0...0xEF: 3
            case 0xF0...0xF4: 4
            default: 0
            }
        guard count > 0, bytes.count >= count, let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
            return nil
        }
        return text.unicodeScalars.first.map { ($0, count) }
    }
}
