extension String {
    /// The text for an element or a quoted attribute of HTML, SVG or XML: markup cannot begin or end in it.
    ///
    /// Characters that XML does not allow become U+FFFD, and characters that change how other text is shown, such as the
    /// marks that reverse its direction, are written as their number, `U+202E`.
    package var escapedForHTML: String {
        var escaped = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
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
