extension Unicode.Scalar {
    /// The reference that stands for a character with a meaning in HTML, SVG or XML; nil for all others.
    package var markupReference: String? {
        switch self {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&quot;"
        case "'": "&#39;"
        default: nil
        }
    }
}

extension String {
    /// The text for an element or a quoted attribute of HTML, SVG or XML: markup cannot begin or end in it.
    ///
    /// Characters that XML does not allow become U+FFFD, and characters that change how other text is shown, such as
    /// the marks that reverse its direction, are written as their number, `U+202E`.
    package var escapedForHTML: String {
        var escaped = ""
        for scalar in unicodeScalars {
            if let reference = scalar.markupReference {
                escaped += reference
                continue
            }
            switch scalar {
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case _ where scalar.properties.generalCategory == .control || scalar.properties.isNoncharacterCodePoint:
                escaped += "\u{FFFD}"
            case _ where scalar.isUnprintable:
                escaped += "U+" + String(scalar.value, radix: 16, uppercase: true)
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
