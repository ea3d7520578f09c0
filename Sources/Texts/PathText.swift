/// Converts paths, which are arbitrary bytes, to `String` and back without loss.
///
/// Valid UTF-8 is unchanged. Each byte b that is not part of valid UTF-8 becomes the private-use scalar U+10FF00 + b,
/// from U+10FF80 to U+10FFFF. If a path itself contains the UTF-8 encoding of such a scalar, its four bytes are escaped
/// in the same way, so that `bytes(of:)` is the exact inverse. Escaped paths can be joined and split at slashes.
///
/// Files and standard output receive the original bytes; messages show each escaped byte as `\xNN`; configurations and
/// manifests, which must be UTF-8, store the scalars, which decode to the same path.
///
/// - Source: PEP 383, "Non-decodable Bytes in System Character Interfaces", whose lone surrogates Swift's strings
///   cannot hold.
package enum PathText {
    private static let base: UInt32 = 0x10_FF00

    /// Returns the byte that `scalar` encodes, or nil if it is an ordinary scalar.
    package static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        scalar.value >= base + 0x80 ? UInt8(scalar.value - base) : nil
    }

    /// Returns the string for the bytes of a path.
    package static func text(of bytes: UnsafeBufferPointer<UInt8>) -> String {
        // Every escape scalar begins with this byte in UTF-8.
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

    /// Returns the string for the bytes of a path.
    package static func text(of bytes: [UInt8]) -> String { bytes.withUnsafeBufferPointer { text(of: $0) } }

    /// Returns the string for a path of the operating system, terminated by a zero byte.
    package static func text(of path: UnsafePointer<CChar>) -> String {
        var count = 0
        while path[count] != 0 { count += 1 }
        return path.withMemoryRebound(to: UInt8.self, capacity: count) { text(of: .init(start: $0, count: count)) }
    }

    /// Returns the last component of each path, followed by the path's number, from 1, where it is not unique.
    package static func distinctNames(of paths: [String]) -> [String] {
        let names = paths.map { $0.exactParts(at: "/", omittingEmpty: true).last ?? $0 }
        return names.enumerated().map { index, name in
            names.count { $0.exact == name.exact } > 1 ? "\(name)-\(index + 1)" : name
        }
    }

    /// Returns whether `text` contains escaped bytes.
    package static func isEscaped(_ text: some StringProtocol) -> Bool {
        text.utf8.contains(0xF4) && text.unicodeScalars.contains { byte(of: $0) != nil }
    }

    /// Returns the bytes of the path `text`.
    package static func bytes(of text: String) -> [UInt8] {
        guard isEscaped(text) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += UTF8.encode(scalar)! }
        }
        return bytes
    }

    /// Returns `text` for display, with each escaped byte as `\xNN`, and each character that a terminal would interpret
    /// or not show, other than line breaks, as `\u{N}`.
    package static func shown(_ text: String) -> String {
        if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 || $0 == 0x0A }) { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if let byte = byte(of: scalar) {
                shown += "\\x" + String(byte, radix: 16, uppercase: true)
            } else if scalar.isUnprintable, scalar != "\n" {
                shown += scalar.escape
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// Returns the valid UTF-8 scalar at the start of `bytes` and its length, or nil if there is none.
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

extension Unicode.Scalar {
    /// Whether a terminal interprets the scalar or does not show it: control characters, line separators, and format
    /// characters such as the marks that reverse the direction of text, which make a text look like another one.
    package var isUnprintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// The scalar as `\u{N}`, N in hexadecimal.
    package var escape: String { "\\u{\(String(value, radix: 16, uppercase: true))}" }
}
