import Texts

extension JSON {
    /// The value as one line of JSON, without a trailing newline.
    package var line: String {
        var text = ""
        write(into: &text, depth: nil)
        return text
    }

    /// The value as `line`, with unprintable characters as escapes.
    package var printedLine: String {
        var text = ""
        // Only strings contain such characters.
        for scalar in line.unicodeScalars {
            if scalar.isUnprintable || PathText.byte(of: scalar) != nil {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The value as indented JSON (two spaces), with a trailing newline.
    package var page: String {
        var text = ""
        write(into: &text, depth: 0)
        return text + "\n"
    }

    /// Appends the value at indentation `depth`, or on one line if `depth` is nil.
    private func write(into text: inout String, depth: Int?) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        // `description` is the shortest text that parses to the same value. JSON cannot represent infinities and NaN.
        case .number(let value): text += value.isFinite ? value.description : "null"
        case .string(let value): JSON.quote(value, into: &text)
        case .array(let elements):
            JSON.writeList(elements, "[", "]", into: &text, depth: depth) { element, text, depth in
                element.write(into: &text, depth: depth)
            }
        case .object(let members):
            JSON.writeList(members, "{", "}", into: &text, depth: depth) { member, text, depth in
                JSON.quote(member.name, into: &text)
                text += depth == nil ? ":" : ": "
                member.value.write(into: &text, depth: depth)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, into text: inout String, depth: Int?,
        _ writeElement: (Element, inout String, Int?) -> Void
    ) {
        func breakLine(_ depth: Int?) {
            if let depth, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: depth) }
        }
        text += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            breakLine(depth.map { $0 + 1 })
            writeElement(element, &text, depth.map { $0 + 1 })
        }
        breakLine(depth)
        text += closing
    }

    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            // An escaped byte of a path is written as a \u escape: a terminal could show the private-use character in
            // any way.
            case _ where PathText.byte(of: scalar) != nil:
                for unit in UTF16.encode(scalar)! { text += "\\u" + String(unit, radix: 16) }
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
