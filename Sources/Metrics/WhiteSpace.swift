extension Unicode.Scalar {
    /// Whether Python's `str.split()` separates words here: Unicode's white space and the four information separators.
    var separatesWords: Bool { properties.isWhitespace || 0x1C...0x1F ~= value }
}

/// The words of a text; canonically equivalent spellings of a word are different words.
func words(of text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] { text.split { $0.separatesWords } }
