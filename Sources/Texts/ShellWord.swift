/// Returns `text` as one word of a POSIX shell, so that a printed command can be pasted into a shell.
///
/// A text of safe characters is returned unchanged, any other text in single quotes. Unprintable characters other than
/// newlines, and bytes of paths that are not UTF-8 (see `PathText`), are produced by a `printf` command, because
/// messages show them escaped.
package func shellWord(_ text: String) -> String {
    let scalars = text.unicodeScalars
    // Some shells expand a word that begins with an equals sign.
    if !text.isEmpty, scalars.first != "=", scalars.allSatisfy(isHarmless) { return text }
    guard scalars.contains(where: { isControl($0) && $0 != "\n" }) else { return "'\(escapingQuotes(text))'" }
    // Command substitution removes trailing newlines.
    let breaks = scalars.reversed().prefix { $0 == "\n" }.count
    let format = scalars.dropLast(breaks).reduce(into: "") { format, scalar in
        switch scalar {
        case "\\": format += #"\\"#
        case "%": format += "%%"
        case "'": format += #"\047"#
        case _ where isControl(scalar):
            // Every printf supports three-digit octal escapes of bytes.
            for byte in PathText.bytes(of: String(scalar)) {
                let digits = String(byte, radix: 8)
                format += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        default: format.unicodeScalars.append(scalar)
        }
    }
    // Without the `--`, printf would parse a format that begins with a dash as an option.
    return "\"$(printf -- '\(format)')\"" + (breaks == 0 ? "" : "'\(String(repeating: "\n", count: breaks))'")
}

/// Returns `path` as one word that no command parses as an option: `./` is prepended if it begins with a dash.
package func shellPath(_ path: String) -> String {
    shellWord(path.utf8.first == UInt8(ascii: "-") ? "./" + path : path)
}

/// Returns `words` as a command line that can be pasted into a POSIX shell.
package func shellCommand(_ words: String...) -> String { words.map(shellWord).joined(separator: " ") }

private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", ".", "/", ":", "=", "+", ",", "@", "%", "-": true
    default: false
    }
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isUnprintable || PathText.byte(of: scalar) != nil
}

/// Replaces each single quote by `'\''`: end of quotation, escaped quote, start of quotation.
private func escapingQuotes(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar == "'" { result += #"'\''"# } else { result.unicodeScalars.append(scalar) }
    }
    return result
}
