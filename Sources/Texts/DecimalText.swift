/// Parses a decimal number, `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
///
/// - Returns: nil for any other text, such as a hexadecimal number, "inf" or "nan".
package func decimalNumber(_ text: String) -> Double? {
    var rest = text[...].utf8
    _ = drop(&rest, "-+")
    let hasWhole = dropDigits(&rest)
    let hasFraction = drop(&rest, ".") && dropDigits(&rest)
    guard hasWhole || hasFraction else { return nil }
    if drop(&rest, "eE") {
        _ = drop(&rest, "-+")
        guard dropDigits(&rest) else { return nil }
    }
    return rest.isEmpty ? Double(text) : nil
}

/// Parses a decimal integer, `[-+]?[0-9]+`; nil for any other text, and if it exceeds the range of `Int`.
package func wholeNumber(_ text: String) -> Int? {
    var rest = text[...].utf8
    _ = drop(&rest, "-+")
    return dropDigits(&rest) && rest.isEmpty ? Int(text) : nil
}

/// Drops the first byte if it is one of `choices`. Returns whether it was.
private func drop(_ text: inout Substring.UTF8View, _ choices: StaticString) -> Bool {
    guard let first = text.first, choices.withUTF8Buffer({ $0.contains(first) }) else { return false }
    text.removeFirst()
    return true
}

/// Drops the decimal digits at the start of `text`. Returns whether there were any.
private func dropDigits(_ text: inout Substring.UTF8View) -> Bool {
    let rest = text.drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    defer { text = rest }
    return rest.startIndex != text.startIndex
}
