/// Returns `text` as one word of a POSIX shell, so that a command that holds it can be pasted as it is printed.
///
/// A text of harmless characters is returned unchanged, any other one in single quotes. Control characters except line breaks,
/// and bytes of paths that are not UTF-8 (see `PathText`), are written by `printf`, because messages show them as escapes.
package func shellWord(_ text: String) -> String {
    let scalars = text.unicodeScalars
    // Some shells expand an equals sign in front.
    if !text.isEmpty, scalars.first != "=", scalars.allSatisfy(isHarmless) { return text }
    guard scalars.contains(where: { isControl($0) && $0 != "\n" }) else { return "'\(escapingQuotes(text))'" }
    // A shell removes the line breaks at the end of what a command prints.
    let breaks = scalars.reversed().prefix { $0 == "\n" }.count
    let format = scalars.dropLast(breaks).reduce(into: "") { format, scalar in
        switch scalar {
        case "\\": format += #"\\"#
        case "%": format += "%%"
        case "'": format += #"\047"#
        case _ where isControl(scalar):
            // Octal digits of each byte are what every printf understands.
            for byte in PathText.bytes(of: String(scalar)) {
                let digits = String(byte, radix: 8)
                format += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        default: format.unicodeScalars.append(scalar)
        }
    }
    // Without the dashes, a text that begins with one would be an option of printf.
    return "\"$(printf -- '\(format)')\"" + (breaks == 0 ? "" : "'\(String(repeating: "\n", count: breaks))'")
}

/// Returns the path `path` as one word that no command takes for an option: a dash at its beginning follows `./`.
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
    scalar.properties.generalCategory == .control || PathText.byte(of: scalar) != nil
}

/// A single quote ends the quoted part, stands by itself behind a backslash, and begins the next part.
private func escapingQuotes(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar == "'" { result += #"'\''"# } else { result.unicodeScalars.append(scalar) }
    }
    return result
}
