extension Unicode.Scalar {
    /// Whether Python's `str.split()` splits at this character: Unicode white space and the four information
    /// separators.
    var separatesWords: Bool { properties.isWhitespace || 0x1C...0x1F ~= value }
}

/// Splits a text at white space; canonically equivalent spellings of a word remain different words.
func words(of text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] { text.split { $0.separatesWords } }
