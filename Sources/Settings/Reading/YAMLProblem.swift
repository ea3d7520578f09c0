/// Translates libyaml's syntax errors to messages in terms of configurations.
///
/// libyaml's messages name states of its parser, but neither the allowed syntax nor a remedy.
enum YAMLProblem {
    /// The syntax found and the syntax allowed.
    ///
    /// - Parameters:
    ///   - problem: libyaml's message.
    ///   - line: The line at which the list, mapping or quoted text that libyaml was parsing starts.
    ///   - byte: The byte at which it stopped.
    static func words(_ problem: String, from line: Int?, at byte: UInt8?) -> String {
        let from = line.map { " that begins on line \($0)" } ?? ""
        if byte == UInt8(ascii: "\t"), problem.contains("tab") || problem.contains("start any token") {
            return "found a tab; allowed: spaces as indentation"
        }
        if problem.contains("control characters") {
            let code = byte.map { "U+00" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
            return "found a control character\(code.map { " (\($0))" } ?? ""); allowed: text without control characters"
        }
        guard let (_, words) = table.first(where: { problem.contains($0.part) }) else {
            return
                "found something other than a list, mapping or value; allowed: KEY: VALUE, [VALUE, VALUE], {KEY: VALUE}"
        }
        return words.unicodeScalars.map { $0 == "@" ? from : String($0) }.joined()
    }

    private static let plain = "allowed: values written out, without anchors, aliases and tags"
    private static let escapes =
        "allowed in double quotes: \\n \\t \\\" \\\\ \\xXX \\uXXXX \\UXXXXXXXX, and no half of a surrogate pair; in single "
        + "quotes a backslash has no special meaning"

    /// Fragments of libyaml's messages, in the order in which they are searched, and the messages of dtrain; "@" is
    /// replaced by the start of the construct.
    private static let table: [(part: String, words: String)] = [
        ("',' or '}'", "found neither ',' nor '}' in the mapping@; allowed: {KEY: VALUE, KEY: VALUE}"),
        ("',' or ']'", "found neither ',' nor ']' in the list@; allowed: [VALUE, VALUE]"),
        ("node content", "found no value; allowed: text, a number, [VALUE, VALUE] or {KEY: VALUE}"),
        ("'-' indicator", "found a line that is not part of the list@; allowed: '- VALUE' with the same indentation"),
        (
            "expected key",
            "found a line that is not part of the mapping@; allowed: KEY: VALUE with the same indentation"
        ),
        ("expected ':'", "found no ':' after the key@; allowed: KEY: VALUE"),
        ("mapping values", "found a ':' within a value; allowed: the value in quotes, or the key on a separate line"),
        (
            "block sequence entries",
            "found '-' after other text; allowed: each '- VALUE' on a separate line, or [VALUE, VALUE]"
        ),
        ("mapping keys", "found '?' after other text; allowed: KEY: VALUE on a separate line"),
        ("start any token", "found a character that cannot begin a value; allowed: the value in quotes"),
        ("tab character", "found a tab; allowed: spaces as indentation"),
        ("end of stream", "found no end of the quoted text@; allowed: the same quote at the end of the value"),
        (
            "document indicator",
            "found --- or ... within the quoted text@; allowed: the same quote at the end of the value"
        ),
        ("escape", "found an escape that does not exist; " + escapes),
        ("hexdecimal", "found an escape that does not exist; " + escapes),
        (
            "YAML document",
            "found a directive for an unsupported version of YAML; allowed: no line that begins with '%'"
        ),
        ("directive", "found an unknown directive; allowed: no line that begins with '%'"),
        ("version", "found an unknown directive; allowed: no line that begins with '%'"),
        ("digit or '.'", "found an unknown directive; allowed: no line that begins with '%'"),
        ("non-alphabetical", "found an unknown directive; allowed: no line that begins with '%'"),
        ("alphabetic or numeric", "found an anchor or an alias; " + plain),
        ("tag", "found a tag; " + plain), ("URI", "found a tag; " + plain), ("'!'", "found a tag; " + plain),
        ("expected whitespace", "found a tag or a directive; " + plain), ("'>'", "found a tag; " + plain),
        ("indentation indicator", "found text after a block's '|' or '>'; allowed: its text on the lines below"),
        ("comment or line break", "found text after a block's '|' or '>'; allowed: its text on the lines below"),
        ("document start", "found text after the end of the document; allowed: one document per file"),
        ("unexpected ':'", "found a ':' within a value; allowed: the value in quotes"),
        ("octet", "found bytes that are not UTF-8; allowed: UTF-8"),
        ("Unicode character", "found bytes that are not UTF-8; allowed: UTF-8"),
        ("depth", "found lists and mappings nested too deeply; allowed: fewer"),
    ]
}
