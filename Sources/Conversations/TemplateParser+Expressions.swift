extension TemplateParser {
    /// Parses an expression, from the operator that binds least.
    mutating func expression() throws(TemplateFault) -> TemplateExpression {
        try nested { parser throws(TemplateFault) in
            let value = try parser.either()
            guard parser.isAtName("if") else { return value }
            let offset = parser.advance().offset
            let condition = try parser.either()
            let otherwise = parser.takesName("else") ? try parser.expression() : nil
            return try parser.made(.conditional(value, condition: condition, otherwise: otherwise), offset)
        }
    }

    mutating func either() throws(TemplateFault) -> TemplateExpression {
        var left = try both()
        while isAtName("or") {
            let offset = advance().offset
            left = try made(.either(left, try both()), offset)
        }
        return left
    }

    private mutating func both() throws(TemplateFault) -> TemplateExpression {
        var left = try negation()
        while isAtName("and") {
            let offset = advance().offset
            left = try made(.both(left, try negation()), offset)
        }
        return left
    }

    private mutating func negation() throws(TemplateFault) -> TemplateExpression {
        guard isAtName("not") else { return try comparison() }
        let offset = advance().offset
        let operand = try nested { parser throws(TemplateFault) in try parser.negation() }
        return try made(.not(operand), offset)
    }

    private mutating func comparison() throws(TemplateFault) -> TemplateExpression {
        let left = try sum()
        guard let (comparison, offset) = takesComparison() else { return left }
        let right = try sum()
        if let (_, second) = takesComparison() {
            throw TemplateFault(
                offset: second, message: "a chain of comparisons is not supported; write and between them")
        }
        return try made(.binary(comparison, left, right), offset)
    }

    private mutating func takesComparison() -> (TemplateExpression.Operator, offset: Int)? {
        let token = current
        switch token.kind {
        case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
            _ = advance()
            return TemplateExpression.Operator(rawValue: symbol).map { ($0, token.offset) }
        case .name("in"):
            _ = advance()
            return (.within, token.offset)
        case .name("not") where tokens[min(index + 1, tokens.count - 1)].kind == .name("in"):
            _ = advance()
            _ = advance()
            return (.notWithin, token.offset)
        default: return nil
        }
    }

    private mutating func sum() throws(TemplateFault) -> TemplateExpression {
        try operators(["+", "-"]) { parser throws(TemplateFault) in
            try parser.operators(["~"]) { parser throws(TemplateFault) in
                try parser.operators(["*", "//", "%", "/"]) { parser throws(TemplateFault) in try parser.signed() }
            }
        }
    }

    /// Parses operands with left-associative operators between them.
    private mutating func operators(
        _ symbols: [String], _ operand: (inout TemplateParser) throws(TemplateFault) -> TemplateExpression
    ) throws(TemplateFault) -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current.kind, symbols.contains(symbol) {
            let offset = advance().offset
            guard let found = TemplateExpression.Operator(rawValue: symbol) else {
                throw TemplateFault(offset: offset, message: "the operator \(symbol) is not supported")
            }
            left = try made(.binary(found, left, try operand(&self)), offset)
        }
        if isAt("**") { throw TemplateFault(offset: current.offset, message: "the operator ** is not supported") }
        return left
    }

    /// Parses a value with its sign, members, filters and tests.
    private mutating func signed() throws(TemplateFault) -> TemplateExpression {
        var value: TemplateExpression
        if isAt("-") {
            let offset = advance().offset
            let operand = try nested { parser throws(TemplateFault) in try parser.signed() }
            return try made(.negative(operand), offset)
        }
        value = try members(of: try primary())
        while true {
            if isAt("|") {
                let offset = advance().offset
                value = try made(try filter(of: value), offset)
            } else if isAtName("is") {
                let offset = advance().offset
                value = try test(of: value, offset)
            } else {
                return value
            }
        }
    }

    private mutating func filter(of value: TemplateExpression) throws(TemplateFault) -> TemplateExpression.Kind {
        let offset = current.offset
        let name = try name()
        guard let filter = TemplateExpression.Filter(rawValue: name) else {
            let all = TemplateExpression.Filter.allCases.map(\.rawValue).joined(separator: ", ")
            throw TemplateFault(offset: offset, message: "the filter \(name) is not supported; allowed: \(all)")
        }
        return .filter(filter, value, isAt("(") ? try arguments() : .init())
    }

    private mutating func test(
        of value: TemplateExpression, _ offset: Int
    ) throws(TemplateFault) -> TemplateExpression {
        let isNegated = takesName("not")
        let place = current.offset
        let name = try name()
        guard let test = TemplateExpression.Test(rawValue: name == "None" ? "none" : name) else {
            let all = TemplateExpression.Test.allCases.map(\.rawValue).joined(separator: ", ")
            throw TemplateFault(offset: place, message: "the test \(name) is not supported; allowed: \(all)")
        }
        let found = try made(.test(test, value), offset)
        return isNegated ? try made(.not(found), offset) : found
    }

    // MARK: Values

    private mutating func primary() throws(TemplateFault) -> TemplateExpression {
        let token = current
        func made(_ kind: TemplateExpression.Kind) throws(TemplateFault) -> TemplateExpression {
            try self.made(kind, token.offset)
        }
        switch token.kind {
        case .quoted(var text):
            _ = advance()
            // Texts side by side are one text.
            while case .quoted(let more) = current.kind {
                text += more
                _ = advance()
            }
            return try made(.text(text))
        case .integer(let number):
            _ = advance()
            return try made(.integer(number))
        case .name(let name):
            _ = advance()
            return try made(TemplateParser.constant(name) ?? .name(name))
        case .symbol("("):
            _ = advance()
            let value = try expression()
            if isAt(",") {
                throw TemplateFault(offset: current.offset, message: "a tuple is not supported; write a list")
            }
            try expect(")")
            return value
        case .symbol("["):
            _ = advance()
            return try made(.list(try elements(until: "]") { parser throws(TemplateFault) in try parser.expression() }))
        case .symbol("{"):
            _ = advance()
            return try made(
                .map(
                    try elements(until: "}") { parser throws(TemplateFault) in
                        let key = try parser.expression()
                        try parser.expect(":")
                        return (key, try parser.expression())
                    }))
        default: throw unexpected("a value")
        }
    }

    private static func constant(_ name: String) -> TemplateExpression.Kind? {
        switch name {
        case "true", "True": .boolean(true)
        case "false", "False": .boolean(false)
        case "none", "None": .some(.none)
        default: nil
        }
    }

    /// Parses elements with commas between them and the symbol that ends them.
    private mutating func elements<Element>(
        until end: String, _ element: (inout TemplateParser) throws(TemplateFault) -> Element
    ) throws(TemplateFault) -> [Element] {
        var found: [Element] = []
        while !takes(end) {
            found.append(try element(&self))
            guard takes(",") || isAt(end) else { throw unexpected("\(end) or a comma") }
        }
        return found
    }

    private mutating func members(of value: TemplateExpression) throws(TemplateFault) -> TemplateExpression {
        var value = value
        while true {
            let offset = current.offset
            if takes(".") {
                let name = try name()
                value =
                    isAt("(")
                    ? try made(.method(value, name, try arguments()), offset)
                    : try made(.member(value, Array(name.utf8)), offset)
            } else if takes("[") {
                value = try made(try element(of: value), offset)
            } else if isAt("(") {
                guard case .name(let name) = value.kind else {
                    throw TemplateFault(offset: offset, message: "only a name or a member of a value can be called")
                }
                value = try made(.call(name, try arguments()), value.offset)
            } else {
                return value
            }
        }
    }

    /// Parses an index or a slice, after its opening bracket.
    private mutating func element(of value: TemplateExpression) throws(TemplateFault) -> TemplateExpression.Kind {
        var parts: [TemplateExpression?] = []
        var isSlice = false
        while true {
            parts.append(isAt(":") || isAt("]") ? nil : try expression())
            if takes("]") { break }
            try expect(":")
            isSlice = true
            guard parts.count < 3 else { throw unexpected("]") }
        }
        if isSlice {
            return .slice(value, from: parts[0], to: parts[1], by: parts.count > 2 ? parts[2] : nil)
        }
        guard let index = parts[0] else {
            throw TemplateFault(offset: current.offset, message: "expected an index, found ]")
        }
        return .element(value, index)
    }

    private mutating func arguments() throws(TemplateFault) -> TemplateExpression.Arguments {
        try expect("(")
        var result = TemplateExpression.Arguments()
        let all = try elements(until: ")") { parser throws(TemplateFault) in
            guard case .name(let name) = parser.current.kind,
                parser.tokens[min(parser.index + 1, parser.tokens.count - 1)].kind == .symbol("=")
            else {
                return (name: String?.none, value: try parser.expression())
            }
            _ = parser.advance()
            _ = parser.advance()
            return (name: name, value: try parser.expression())
        }
        for argument in all {
            if let name = argument.name {
                result.named.append((name, argument.value))
            } else {
                result.values.append(argument.value)
            }
        }
        return result
    }

    /// An expression that is not too deep to be evaluated.
    private func made(_ kind: TemplateExpression.Kind, _ offset: Int) throws(TemplateFault) -> TemplateExpression {
        let expression = TemplateExpression(kind: kind, offset: offset)
        guard expression.height <= TemplateParser.heightLimit else {
            throw TemplateFault(
                offset: offset, message: "the expression has more than \(TemplateParser.heightLimit) levels")
        }
        return expression
    }
}
