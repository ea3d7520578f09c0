/// A part of a template: text, or a word of a tag.
struct TemplateToken {
    enum Kind: Equatable {
        case text([UInt8])
        /// `{{` and `}}`.
        case outputStart, outputEnd
        /// `{%` and `%}`.
        case statementStart, statementEnd
        case name(String)
        case integer(Int)
        case quoted([UInt8])
        case symbol(String)
        /// The end of the template.
        case end
    }

    let kind: Kind
    /// The byte offset in the template.
    let offset: Int

    /// The word, for messages.
    var word: String {
        switch kind {
        case .text: "text"
        case .outputStart: "{{"
        case .outputEnd: "}}"
        case .statementStart: "{%"
        case .statementEnd: "%}"
        case .name(let name): name
        case .integer(let number): String(number)
        case .quoted: "a quoted text"
        case .symbol(let symbol): symbol
        case .end: "the end of the template"
        }
    }
}

/// Cuts a template into tokens. White space around tags is removed as by Jinja with `trim_blocks` and `lstrip_blocks`,
/// which transformers sets: a line break after `%}` or `#}`, and spaces before `{%` or `{#` at the start of a line.
struct TemplateLexer {
    private let source: [UInt8]
    private var position = 0
    private var tokens: [TemplateToken] = []
    /// Whether the text at `position` begins a line.
    private var beginsLine = true

    private init(_ source: [UInt8]) { self.source = source }

    /// The tokens of a template whose line breaks are `\n`; the last is `end`.
    static func tokens(of source: [UInt8]) throws(TemplateFault) -> [TemplateToken] {
        var lexer = TemplateLexer(source)
        while lexer.position < source.count { try lexer.takeText() }
        lexer.tokens.append(TemplateToken(kind: .end, offset: source.count))
        return lexer.tokens
    }

    // MARK: Text

    /// Takes the text up to the next tag, and the tag.
    private mutating func takeText() throws(TemplateFault) {
        let start = position
        let tag = source.indices[start...].first { isTag(at: $0) } ?? source.count
        var text = source[start..<tag]
        guard tag < source.count else {
            append(text, at: start)
            position = tag
            return
        }
        let opening = source[tag + 1]
        let sign: UInt8? = tag + 2 < source.count ? source[tag + 2] : nil
        if sign == UInt8(ascii: "-") {
            text = Whitespace.trimmingEnd(text)
        } else if opening != UInt8(ascii: "{"), sign != UInt8(ascii: "+") {
            text = withoutIndent(text)
        }
        append(text, at: start)
        position = tag + 2
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") && opening != UInt8(ascii: "{") { position += 1 }
        beginsLine = false
        switch opening {
        case UInt8(ascii: "#"): try takeComment(from: tag)
        case UInt8(ascii: "%"):
            tokens.append(TemplateToken(kind: .statementStart, offset: tag))
            try takeWords(until: UInt8(ascii: "%"), from: tag)
        default:
            tokens.append(TemplateToken(kind: .outputStart, offset: tag))
            try takeWords(until: UInt8(ascii: "}"), from: tag)
        }
    }

    private func isTag(at index: Int) -> Bool {
        guard source[index] == UInt8(ascii: "{"), index + 1 < source.count else { return false }
        return [UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "#")].contains(source[index + 1])
    }

    private mutating func append(_ text: ArraySlice<UInt8>, at offset: Int) {
        if !text.isEmpty { tokens.append(TemplateToken(kind: .text(Array(text)), offset: offset)) }
    }

    /// The text without the spaces behind its last line break, if only they follow it.
    private func withoutIndent(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let lineBreak = text.lastIndex(of: UInt8(ascii: "\n"))
        guard lineBreak != nil || beginsLine else { return text }
        let line = lineBreak.map { $0 + 1 } ?? text.startIndex
        return Whitespace.trimmingEnd(text[line...]).isEmpty ? text[..<line] : text
    }

    private mutating func takeComment(from tag: Int) throws(TemplateFault) {
        let end = source.indices[position...].first {
            source[$0] == UInt8(ascii: "#") && $0 + 1 < source.count && source[$0 + 1] == UInt8(ascii: "}")
        }
        guard let end else { throw TemplateFault(offset: tag, message: "the comment {# has no end #}") }
        let sign = end > position ? source[end - 1] : 0
        position = end + 2
        finishTag(sign: sign, dropsLineBreak: true)
    }

    /// Removes the white space behind a tag: all of it after `-`, otherwise a line break if `dropsLineBreak`.
    private mutating func finishTag(sign: UInt8, dropsLineBreak: Bool) {
        let start = position
        if sign == UInt8(ascii: "-") {
            position = Whitespace.trimmingStart(source[position...]).startIndex
        } else if dropsLineBreak, sign != UInt8(ascii: "+"), position < source.count,
            source[position] == UInt8(ascii: "\n")
        {
            position += 1
        }
        beginsLine = position > start && source[position - 1] == UInt8(ascii: "\n")
    }

    // MARK: Words

    /// Takes the words of a tag and its end, `%}` or `}}`.
    private mutating func takeWords(until closing: UInt8, from tag: Int) throws(TemplateFault) {
        var openBraces = 0
        while true {
            position = Whitespace.trimmingStart(source[position...]).startIndex
            guard position < source.count else {
                let opening = closing == UInt8(ascii: "%") ? "{%" : "{{"
                throw TemplateFault(offset: tag, message: "the tag \(opening) has no end")
            }
            if openBraces == 0, let sign = endOfTag(closing) {
                let kind: TemplateToken.Kind = closing == UInt8(ascii: "%") ? .statementEnd : .outputEnd
                tokens.append(TemplateToken(kind: kind, offset: position))
                position += sign == 0 ? 2 : 3
                return finishTag(sign: sign, dropsLineBreak: closing == UInt8(ascii: "%"))
            }
            let token = try takeWord()
            if token.kind == .symbol("{") { openBraces += 1 }
            if token.kind == .symbol("}") { openBraces -= openBraces > 0 ? 1 : 0 }
            tokens.append(token)
        }
    }

    /// The sign before the end of a tag that is at `position`, 0 without one; nil if none is there.
    private func endOfTag(_ closing: UInt8) -> UInt8? {
        let first = source[position]
        let hasSign =
            first == UInt8(ascii: "-") || first == UInt8(ascii: "+") && closing == UInt8(ascii: "%")
        let end = position + (hasSign ? 1 : 0)
        guard end + 1 < source.count, source[end] == closing, source[end + 1] == UInt8(ascii: "}") else { return nil }
        return hasSign ? first : 0
    }

    private mutating func takeWord() throws(TemplateFault) -> TemplateToken {
        let start = position
        let first = source[start]
        func token(_ kind: TemplateToken.Kind) -> TemplateToken { TemplateToken(kind: kind, offset: start) }
        if TemplateLexer.isLetter(first) {
            position =
                source.indices[start...].first { !TemplateLexer.isLetter(source[$0]) && !isDigit($0) } ?? source.count
            return token(.name(String(decoding: source[start..<position], as: UTF8.self)))
        }
        if isDigit(start) {
            position = source.indices[start...].first { !isDigit($0) } ?? source.count
            let digits = String(decoding: source[start..<position], as: UTF8.self)
            if position + 1 < source.count, source[position] == UInt8(ascii: "."), isDigit(position + 1) {
                throw TemplateFault(offset: start, message: "a number with a fraction is not supported")
            }
            guard let number = Int(digits), number <= Int32.max else {
                throw TemplateFault(offset: start, message: "the number \(digits.prefix(20)) is too large")
            }
            return token(.integer(number))
        }
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return token(.quoted(try takeQuoted())) }
        for symbol in TemplateLexer.symbols where source[start...].starts(with: symbol.utf8) {
            position += symbol.utf8.count
            return token(.symbol(symbol))
        }
        let scalar = String(decoding: source[start...].prefix(4), as: UTF8.self).unicodeScalars.prefix(1)
        throw TemplateFault(
            offset: start,
            message: "the character \(String(String.UnicodeScalarView(scalar))) is not supported in a tag")
    }

    /// Operators and brackets, those of two characters first.
    private static let symbols = [
        "==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
        ",", ":", ".", "|",
    ]

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }

    private func isDigit(_ index: Int) -> Bool { (0x30...0x39).contains(source[index]) }

    /// Takes a text in quotes, with Python's escapes of one character.
    private mutating func takeQuoted() throws(TemplateFault) -> [UInt8] {
        let (start, quote) = (position, source[position])
        var text: [UInt8] = []
        position += 1
        while position < source.count, source[position] != quote {
            guard source[position] == UInt8(ascii: "\\") else {
                text.append(source[position])
                position += 1
                continue
            }
            guard position + 1 < source.count else { break }
            let escaped = source[position + 1]
            switch escaped {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(escaped)
            case 0x0A: break
            default:
                let name = escaped < 0x80 ? String(UnicodeScalar(escaped)) : ""
                throw TemplateFault(
                    offset: position,
                    message: "the escape \\\(name) is not supported; allowed: \\n, \\t, \\r, \\\\, \\' and \\\"")
            }
            position += 2
        }
        guard position < source.count else {
            throw TemplateFault(offset: start, message: "the quoted text has no end")
        }
        position += 1
        return text
    }
}
