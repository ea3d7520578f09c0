import Glibc

/// A string that is compared, ordered and hashed by its UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence: "é" as one scalar equals "e" followed by a combining accent.
/// Strings from outside the program (labels, file names, options, JSON members, tensor names) are equal only if their
/// bytes are, so comparisons of such strings, and keys of sets and dictionaries, use this type.
///
/// The order by bytes is also the order by Unicode scalars.
package struct ExactText: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The string itself.
    package let text: String

    /// Wraps `text`.
    package init(_ text: String) { self.text = text }

    package init(stringLiteral text: String) { self.text = text }

    package var description: String { text }

    /// Compares the UTF-8 bytes.
    ///
    /// - Complexity: O(bytes); O(1) if the lengths differ.
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
        // This byte does not occur in UTF-8, so the sequences "ab", "c" and "a", "bc" hash differently.
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
    /// The string wrapped for comparison, ordering and lookup by bytes.
    package var exact: ExactText { ExactText(String(self)) }
}

extension Sequence<String> {
    /// Returns the strings in the order of their bytes.
    package func sortedExactly() -> [String] { sorted { ExactText($0) < ExactText($1) } }
}

extension Collection<String> {
    /// Returns whether the collection contains `text`, byte for byte.
    package func containsExactly(_ text: String) -> Bool { contains { ExactText($0) == ExactText(text) } }

    /// Returns the first string that equals an earlier one byte for byte, or nil if all differ.
    package func firstRepeated() -> String? {
        var seen: Set<ExactText> = []
        return first { !seen.insert(ExactText($0)).inserted }
    }
}
