// Searching and cutting by bytes. Swift's own methods go by `Character`: a tab, a slash or an equals sign with a
// combining mark behind it, and CR LF, are each one character that equals none of its parts.

extension StringProtocol {
    /// Whether the bytes begin with those of `prefix`.
    package func hasExactPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the bytes end with those of `suffix`.
    package func hasExactSuffix(_ suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

    /// Whether the bytes of `part`, which has some, stand anywhere in the text.
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
    /// The parts between separators; cuts at the scalar itself, whatever mark combines with it.
    ///
    /// - Parameters:
    ///   - maxSplits: The most cuts; the last part is what remains.
    ///   - omittingEmpty: Whether empty parts are left out.
    package func exactParts(
        at separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmpty: Bool = false
    ) -> [String] {
        unicodeScalars.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: omittingEmpty)
            .map { String($0) }
    }

    /// What stands before and behind the first `separator`; nil where there is none.
    package func exactHalves(at separator: Unicode.Scalar) -> (before: String, behind: String)? {
        guard let place = unicodeScalars.firstIndex(of: separator) else { return nil }
        return (String(unicodeScalars[..<place]), String(unicodeScalars[place...].dropFirst()))
    }

    /// The text without the bytes of `prefix`; nil where it does not begin with them.
    package func withoutExactPrefix(_ prefix: String) -> String? {
        hasExactPrefix(prefix) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
    }

    /// The text without the bytes of `suffix`; nil where it does not end with them.
    package func withoutExactSuffix(_ suffix: String) -> String? {
        hasExactSuffix(suffix) ? String(Substring(utf8.dropLast(suffix.utf8.count))) : nil
    }
}
