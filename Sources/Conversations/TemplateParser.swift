/// Parses the statements of a template. What they mean is Jinja's; everything else is refused by name.
struct TemplateParser {
    let tokens: [TemplateToken]
    var index = 0
    var depth = 0

    /// The maximum nesting of statements and expressions.
    private static let depthLimit = 40
    /// The maximum height of an expression.
    static let heightLimit = 200
    /// Statements of Jinja that are refused.
    private static let unsupported = [
        "macro", "call", "filter", "include", "import", "from", "extends", "block", "raw", "with", "autoescape", "do",
        "break", "continue", "trans", "debug",
    ]

    /// Parses a template whose line breaks are `\n`.
    static func parse(_ source: [UInt8]) throws(TemplateFault) -> [TemplateNode] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        let (nodes, end) = try parser.body(until: [])
        precondition(end.isEmpty, "the body of a template has no end")
        return nodes
    }

    // MARK: Tokens

    var current: TemplateToken { tokens[index] }

    mutating func advance() -> TemplateToken {
        defer { if index < tokens.count - 1 { index += 1 } }
        return tokens[index]
    }

    func isAt(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

    func isAtName(_ name: String) -> Bool { current.kind == .name(name) }

    /// Whether the next token is `symbol`, which is then taken.
    mutating func takes(_ symbol: String) -> Bool {
        guard isAt(symbol) else { return false }
        _ = advance()
        return true
    }

    mutating func takesName(_ name: String) -> Bool {
        guard isAtName(name) else { return false }
        _ = advance()
        return true
    }

    mutating func expect(_ symbol: String) throws(TemplateFault) {
        guard takes(symbol) else { throw unexpected(symbol) }
    }

    mutating func name() throws(TemplateFault) -> String {
        guard case .name(let name) = current.kind else { throw unexpected("a name") }
        _ = advance()
        return name
    }

    func unexpected(_ expected: String) -> TemplateFault {
        TemplateFault(offset: current.offset, message: "expected \(expected), found \(current.word)")
    }

    /// Calls `body` one level deeper.
    mutating func nested<Result>(
        _ body: (inout TemplateParser) throws(TemplateFault) -> Result
    ) throws(TemplateFault) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateParser.depthLimit else {
            throw TemplateFault(
                offset: current.offset, message: "is nested deeper than \(TemplateParser.depthLimit) levels")
        }
        return try body(&self)
    }

    // MARK: Statements

    /// Parses up to one of the statements `ends`, whose name is taken and returned, or up to the end of the template.
    private mutating func body(
        until ends: [String]
    ) throws(TemplateFault) -> (nodes: [TemplateNode], end: String) {
        try nested { parser throws(TemplateFault) in
            var nodes: [TemplateNode] = []
            while true {
                let token = parser.advance()
                switch token.kind {
                case .text(let text): nodes.append(.text(text))
                case .outputStart:
                    nodes.append(.output(try parser.expression()))
                    guard case .outputEnd = parser.current.kind else { throw parser.unexpected("}}") }
                    _ = parser.advance()
                case .statementStart:
                    let place = parser.current.offset
                    let name = try parser.name()
                    if ends.contains(name) { return (nodes, name) }
                    nodes.append(try parser.statement(name, place))
                default:
                    guard ends.isEmpty else {
                        throw TemplateFault(offset: token.offset, message: "expected {% \(ends[ends.count - 1]) %}")
                    }
                    return (nodes, "")
                }
            }
        }
    }

    private mutating func endOfStatement() throws(TemplateFault) {
        guard case .statementEnd = current.kind else { throw unexpected("%}") }
        _ = advance()
    }

    private mutating func statement(_ name: String, _ place: Int) throws(TemplateFault) -> TemplateNode {
        switch name {
        case "if": return try choice()
        case "for": return try loop()
        case "set": return try assignment()
        case "generation":
            try endOfStatement()
            let nodes = try body(until: ["endgeneration"]).nodes
            try endOfStatement()
            return .generation(nodes)
        default:
            let known = "if, for, set and generation"
            throw TemplateFault(
                offset: place,
                message: TemplateParser.unsupported.contains(name)
                    ? "the statement \(name) is not supported; allowed: \(known)"
                    : "there is no statement \(name) here; allowed: \(known)")
        }
    }

    private mutating func choice() throws(TemplateFault) -> TemplateNode {
        var parts: [(condition: TemplateExpression, body: [TemplateNode])] = []
        while true {
            let condition = try expression()
            try endOfStatement()
            let (nodes, end) = try body(until: ["elif", "else", "endif"])
            parts.append((condition, nodes))
            if end == "elif" { continue }
            try endOfStatement()
            if end == "endif" { return .choice(parts, otherwise: []) }
            let otherwise = try body(until: ["endif"]).nodes
            try endOfStatement()
            return .choice(parts, otherwise: otherwise)
        }
    }

    private mutating func loop() throws(TemplateFault) -> TemplateNode {
        let variable = try name()
        guard !isAt(",") else {
            throw TemplateFault(offset: current.offset, message: "a loop over several names is not supported")
        }
        guard takesName("in") else { throw unexpected("in") }
        // Without `if`, which after the elements of a loop is a filter of them.
        let elements = try either()
        for word in ["if", "recursive"] where isAtName(word) {
            throw TemplateFault(offset: current.offset, message: "\(word) in a loop is not supported")
        }
        try endOfStatement()
        let (nodes, end) = try body(until: ["else", "endfor"])
        try endOfStatement()
        if end == "endfor" { return .loop(name: variable, elements: elements, body: nodes, otherwise: []) }
        let otherwise = try body(until: ["endfor"]).nodes
        try endOfStatement()
        return .loop(name: variable, elements: elements, body: nodes, otherwise: otherwise)
    }

    private mutating func assignment() throws(TemplateFault) -> TemplateNode {
        let variable = try name()
        let member = takes(".") ? try name() : nil
        guard isAt("=") else {
            let found = current.kind == .statementEnd || isAt("|") || isAt(",")
            throw found
                ? TemplateFault(offset: current.offset, message: "set without = is not supported") : unexpected("=")
        }
        _ = advance()
        let value = try expression()
        try endOfStatement()
        return .assignment(name: variable, member: member, value: value)
    }
}
