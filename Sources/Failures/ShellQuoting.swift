import Texts

/// Returns `word` as a shell reads it back: as it stands where no character has a meaning to the shell, otherwise in quotes.
///
/// Commands in messages can so be pasted whatever the names in them are.
package func shellQuoted(_ word: String) -> String {
    let plain = { (byte: UInt8) -> Bool in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_-./,:@%+=".utf8.contains(byte)
        }
    }
    if !word.isEmpty, word.utf8.allSatisfy(plain) { return word }
    let isHidden = { (scalar: Unicode.Scalar) in
        scalar.properties.generalCategory == .control || PathText.byte(of: scalar) != nil
    }
    if !word.unicodeScalars.contains(where: isHidden) {
        return "'" + word.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'"
    }
    // A message shows neither control characters nor bytes that are not UTF-8: bash's quotes with escapes.
    var text = "$'"
    for scalar in word.unicodeScalars {
        switch scalar {
        case "'", "\\": text += "\\\(scalar)"
        case _ where isHidden(scalar):
            for byte in PathText.bytes(of: String(scalar)) {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + "'"
}

/// Returns the path `path` as a shell and its commands read it back: a dash at its beginning is no option.
package func shellQuotedPath(_ path: String) -> String {
    shellQuoted(path.utf8.first == UInt8(ascii: "-") ? "./" + path : path)
}
