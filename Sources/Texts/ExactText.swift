import Glibc

/// A text that compares, sorts and hashes by its UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence: "é" as one scalar equals "e" with a combining accent. What comes
/// from outside (labels, file names, options, JSON members, tensors) is equal only where its bytes are, so keys of sets
/// and dictionaries, and comparisons of such texts, go through this type.
///
/// The order is that of the bytes, which is also that of the Unicode scalars.
package struct ExactText: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The text itself.
    package let text: String

    /// Makes a key of `text`.
    package init(_ text: String) { self.text = text }

    package init(stringLiteral text: String) { self.text = text }

    package var description: String { text }

    /// Compares all bytes.
    ///
    /// - Complexity: O(bytes); O(1) where the lengths differ.
    package static func == (left: ExactText, right: ExactText) -> Bool {
        let count = left.text.utf8.count
        guard count == right.text.utf8.count else { return false }
        return withBytes(left, right) { memcmp($0.baseAddress!, $1.baseAddress!, count) == 0 }
    }

    package static func < (left: ExactText, right: ExactText) -> Bool {
        withBytes(left, right) { left, right in
            let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
            return order == 0 ? left.count < right.count : order < 0
        }
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No UTF-8 has this byte: "ab", "c" and "a", "bc" differ.
        hasher.combine(0xFF as UInt8)
    }

    private static func withBytes<Result>(
        _ left: ExactText, _ right: ExactText,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        var (left, right) = (left.text, right.text)
        return left.withUTF8 { left in right.withUTF8 { right in body(left, right) } }
    }
}

extension StringProtocol {
    /// The text as a key: for comparing, sorting and looking up by bytes.
    package var exact: ExactText { ExactText(String(self)) }
}

extension Sequence<String> {
    /// The texts in the order of their bytes.
    package func sortedExactly() -> [String] { sorted { ExactText($0) < ExactText($1) } }
}

extension Collection<String> {
    /// Whether a text is among them, byte for byte.
    package func containsExactly(_ text: String) -> Bool { contains { ExactText($0) == ExactText(text) } }

    /// The first text that stands twice, byte for byte; nil where all differ.
    package func firstRepeated() -> String? {
        var seen: Set<ExactText> = []
        return first { !seen.insert(ExactText($0)).inserted }
    }
}
