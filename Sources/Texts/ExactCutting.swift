// Searching and splitting by bytes. Swift's own methods compare `Character`s: CR LF, and a tab, slash or equals sign
// followed by a combining mark, are single characters that do not equal the separator.

extension StringProtocol {
    /// Returns whether the text's bytes begin with those of `prefix`.
    package func hasExactPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Returns whether the text's bytes end with those of `suffix`.
    package func hasExactSuffix(_ suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

    /// Returns whether the bytes of `part` occur in the text.
    package func containsExactly(_ part: String) -> Bool {
        guard let first = part.utf8.first else { return true }
        var rest = utf8[...]
        while let place = rest.firstIndex(of: first) {
            rest = rest[place...]
            if rest.starts(with: part.utf8) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

extension String {
    /// Splits the text at each scalar `separator`, even if it is followed by a combining mark.
    ///
    /// - Parameters:
    ///   - maxSplits: The maximum number of splits; the last part is the remainder.
    ///   - omittingEmpty: Whether empty parts are left out.
    package func exactParts(
        at separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmpty: Bool = false
    ) -> [String] {
        unicodeScalars.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: omittingEmpty)
            .map { String($0) }
    }

    /// Returns the text before and the text after the first `separator`, or nil if it does not occur.
    package func exactHalves(at separator: Unicode.Scalar) -> (before: String, behind: String)? {
        guard let place = unicodeScalars.firstIndex(of: separator) else { return nil }
        return (String(unicodeScalars[..<place]), String(unicodeScalars[place...].dropFirst()))
    }

    /// Returns the text without the leading bytes of `prefix`, or nil if it does not begin with them.
    package func withoutExactPrefix(_ prefix: String) -> String? {
        hasExactPrefix(prefix) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
    }

    /// Returns the text without the trailing bytes of `suffix`, or nil if it does not end with them.
    package func withoutExactSuffix(_ suffix: String) -> String? {
        hasExactSuffix(suffix) ? String(Substring(utf8.dropLast(suffix.utf8.count))) : nil
    }
}
