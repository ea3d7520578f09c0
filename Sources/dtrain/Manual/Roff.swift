/// A manual page in roff with the macros of man(7), written from top to bottom. All its characters are ASCII.
struct Roff {
    private(set) var text = ""

    /// A page of section 1.
    init(name: String, version: String) {
        line(".TH \(Roff.quoted(name)) 1 \"\" \(Roff.quoted(version)) \"User Commands\"")
    }

    /// A heading.
    mutating func section(_ title: String) { line(".SH \(Roff.quoted(title))") }

    /// A heading within a section.
    mutating func subsection(_ title: String) { line(".SS \(Roff.quoted(title))") }

    /// A paragraph.
    mutating func paragraph(_ text: String) {
        line(".PP")
        line(Roff.escaped(text))
    }

    /// A command line, as an indented paragraph that is not filled.
    mutating func example(_ command: String) {
        for request in [".PP", ".RS 4", ".nf", Roff.escaped(command), ".fi", ".RE"] { line(request) }
    }

    /// A term in bold type, with a value in italics, and its explanation.
    mutating func item(_ term: String, value: String = "", _ explanation: String) {
        line(".TP")
        line("\\fB\(Roff.escaped(term))\\fR" + (value.isEmpty ? "" : "\\fI\(Roff.escaped(value))\\fR"))
        line(Roff.escaped(explanation))
    }

    /// Lines of a synopsis: a command in bold type, and its arguments.
    mutating func synopsis(_ lines: [(command: String, arguments: String)]) {
        for (index, row) in lines.enumerated() {
            if index > 0 { line(".br") }
            line("\\fB\(Roff.escaped(row.command))\\fR \(Roff.escaped(row.arguments))")
        }
    }

    private mutating func line(_ text: String) { self.text += (self.text.isEmpty ? "" : "\n") + text }

    /// Escapes `text` so that roff prints the same characters.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "\"": result += "\\(dq"
            // A terminal without Unicode lacks these.
            case "…": result += "..."
            case "÷": result += "/"
            case _ where scalar.isASCII: result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\[u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)]"
            }
        }
        // A line that begins with a dot would be a request.
        return result.utf8.first == UInt8(ascii: ".") ? "\\&" + result : result
    }

    private static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }
}
