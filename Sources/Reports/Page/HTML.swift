import Files
import Texts

/// A piece of an HTML page or of an SVG picture. Only constants of the program are markup; everything else is text,
/// which can neither end an element nor run.
package struct HTML: Sendable {
    /// The markup.
    package let source: String

    /// Text. Control characters, which HTML does not allow, become their pictures.
    package static func text(_ text: String) -> HTML { HTML(source: escaped(text)) }

    /// Text of unknown direction and length, such as a sample: it cannot change the direction of what is around it, and
    /// is cut after `limit` characters.
    package static func foreign(_ text: String, limit: Int = 2000) -> HTML {
        let scalars = text.unicodeScalars
        let cut = scalars.prefix(limit)
        let isCut = cut.endIndex < scalars.endIndex
        let parts: [HTML] =
            [.text(String(cut))]
            + (isCut ? [.element("small", [:], [.text(" … (\(scalars.count) characters)")])] : [])
        return .element("bdi", [:], parts)
    }

    /// An element. `br`, `input` and `meta` have no contents.
    package static func element(
        _ name: StaticString, _ attributes: Attributes = [:], _ contents: [HTML] = []
    ) -> HTML {
        let start = "<\(name)\(attributes.source)>"
        if isVoid("\(name)") { return HTML(source: start) }
        return HTML(source: start + contents.map(\.source).joined() + "</\(name)>")
    }

    /// A script or a style sheet of the program.
    package static func code(
        _ name: StaticString, _ attributes: Attributes = [:], _ code: StaticString
    ) -> HTML {
        HTML(source: "<\(name)\(attributes.source)>\(code)</\(name)>")
    }

    /// Data for the script of the page. No text in it can end the element.
    package static func data(_ id: StaticString, _ json: JSON) -> HTML {
        var line = ""
        for scalar in json.line.unicodeScalars {
            switch scalar {
            case "<", ">", "&", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        return HTML(source: "<script type=\"application/json\" id=\"\(id)\">\(line)</script>")
    }

    /// The attributes of an element. Names are markup, values are text.
    package struct Attributes: ExpressibleByDictionaryLiteral, Sendable {
        fileprivate let source: String

        package init(dictionaryLiteral attributes: (StaticString, String)...) {
            source = attributes.map { " \($0)=\"\(HTML.escaped($1))\"" }.joined()
        }
    }

    private static func isVoid(_ name: String) -> Bool { ["br", "input", "meta"].contains(name) }

    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let reference = scalar.markupReference {
                result += reference.unicodeScalars
                continue
            }
            switch scalar {
            case "\n", "\t": result.append(scalar)
            case "\0"..<" ": result.append(Unicode.Scalar(0x2400 + scalar.value)!)
            case "\u{7F}": result.append("\u{2421}")
            case "\u{80}"..."\u{9F}": result.append("\u{FFFD}")
            // The bytes of paths that are not UTF-8.
            case _ where PathText.byte(of: scalar) != nil: result += PathText.shown(String(scalar)).unicodeScalars
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
