/// One rendering of a template. Its work is limited, so a template cannot run for long or write without end.
struct TemplateRendering {
    /// What was written so far.
    private(set) var text: [UInt8] = []
    /// The ranges of `text` that `{% generation %}` has written.
    private(set) var generations: [Range<Int>] = []
    /// The names and their values, from the outermost scope to that of the innermost loop.
    private var scopes: [[String: TemplateValue]]
    /// The work that remains: statements, expressions and bytes of texts.
    private var workLeft = TemplateRendering.workLimit

    /// The maximum work of a rendering: one for each expression, and one for each 64 bytes of the texts that it makes.
    static let workLimit = 2_000_000

    /// The maximum levels of lists and maps in a value.
    private static let depthLimit = 20

    /// A rendering with values for some names.
    init(_ names: [String: TemplateValue]) { scopes = [names] }

    /// Counts the work of an expression that makes `bytes` of text.
    mutating func spend(_ bytes: Int, _ offset: Int) throws(TemplateFault) {
        workLeft -= 1 + bytes / 64
        guard workLeft >= 0 else {
            throw TemplateFault(
                offset: offset,
                message: "takes too many steps for this conversation; allowed: \(TemplateRendering.workLimit)")
        }
    }

    // MARK: Statements

    /// Runs statements.
    mutating func run(_ nodes: [TemplateNode]) throws(TemplateFault) {
        for node in nodes {
            switch node {
            case .text(let bytes): text += bytes
            case .output(let expression):
                let value = try value(of: expression)
                guard let bytes = value.written else {
                    throw TemplateFault(offset: expression.offset, message: "\(value.kind) cannot be written as text")
                }
                try spend(bytes.count, expression.offset)
                text += bytes
            case .choice(let parts, let otherwise): try run(try chosen(parts) ?? otherwise)
            case .loop(let name, let elements, let body, let otherwise):
                try loop(name, elements, body, otherwise)
            case .assignment(let name, let member, let expression):
                try assign(name, member, try value(of: expression), expression.offset)
            case .generation(let body):
                let start = text.count
                try run(body)
                generations.append(start..<text.count)
            }
        }
    }

    private mutating func chosen(
        _ parts: [(condition: TemplateExpression, body: [TemplateNode])]
    ) throws(TemplateFault) -> [TemplateNode]? {
        for part in parts where try value(of: part.condition).isTrue { return part.body }
        return nil
    }

    private mutating func loop(
        _ name: String, _ expression: TemplateExpression, _ body: [TemplateNode], _ otherwise: [TemplateNode]
    ) throws(TemplateFault) {
        let elements: [TemplateValue]
        switch try value(of: expression) {
        case .list(let found): elements = found
        case .map(let pairs): elements = pairs.map { .text($0.key) }
        case .undefined: elements = []
        case let other:
            throw TemplateFault(offset: expression.offset, message: "a loop over \(other.kind) is not supported")
        }
        if elements.isEmpty { return try run(otherwise) }
        for (index, element) in elements.enumerated() {
            try spend(0, expression.offset)
            scopes.append([name: element, "loop": TemplateRendering.state(of: index, in: elements)])
            defer { scopes.removeLast() }
            try run(body)
        }
    }

    /// The value of `loop` for an element.
    private static func state(of index: Int, in elements: [TemplateValue]) -> TemplateValue {
        func member(_ name: String, _ value: TemplateValue) -> (key: [UInt8], value: TemplateValue) {
            (Array(name.utf8), value)
        }
        let count = elements.count
        return .map([
            member("index", .integer(index + 1)), member("index0", .integer(index)),
            member("revindex", .integer(count - index)), member("revindex0", .integer(count - index - 1)),
            member("first", .boolean(index == 0)), member("last", .boolean(index == count - 1)),
            member("length", .integer(count)),
            member("previtem", index > 0 ? elements[index - 1] : .undefined),
            member("nextitem", index < count - 1 ? elements[index + 1] : .undefined),
        ])
    }

    private mutating func assign(
        _ name: String, _ member: String?, _ value: TemplateValue, _ offset: Int
    ) throws(TemplateFault) {
        guard let member else {
            scopes[scopes.count - 1][name] = value
            return
        }
        guard case .namespace(let namespace) = self.value(ofName: name) else {
            throw TemplateFault(
                offset: offset, message: "\(name) is no namespace(); only members of one can be set")
        }
        namespace.set(Array(member.utf8), try part(value, offset))
    }

    /// The value, which may be a part of others.
    mutating func part(_ value: TemplateValue, _ offset: Int) throws(TemplateFault) -> TemplateValue {
        try spend(value.size(limit: TemplateRendering.workLimit), offset)
        guard !value.isDeeper(than: TemplateRendering.depthLimit) else {
            throw TemplateFault(
                offset: offset,
                message:
                    "lists in more than \(TemplateRendering.depthLimit) levels, and a namespace in a value, are not "
                    + "supported")
        }
        return value
    }

    // MARK: Expressions

    /// The value of a name; undefined without one.
    func value(ofName name: String) -> TemplateValue {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return .undefined
    }

    /// The value of an expression.
    mutating func value(of expression: TemplateExpression) throws(TemplateFault) -> TemplateValue {
        try spend(0, expression.offset)
        let offset = expression.offset
        switch expression.kind {
        case .none: return .none
        case .boolean(let value): return .boolean(value)
        case .integer(let value): return .integer(value)
        case .text(let text): return .text(text)
        case .list(let elements): return try part(.list(try values(of: elements)), offset)
        case .map(let pairs): return try part(try map(pairs), offset)
        case .name(let name): return value(ofName: name)
        case .member(let base, let key): return try member(try value(of: base), key, offset)
        case .element(let base, let index):
            return try element(try value(of: base), try value(of: index), offset)
        case .slice(let base, let from, let to, let by): return try slice(base, from, to, by, offset)
        case .not(let operand): return .boolean(!(try value(of: operand).isTrue))
        case .negative(let operand):
            guard let number = try value(of: operand).number else {
                throw TemplateFault(offset: offset, message: "- needs a number")
            }
            return .integer(-number)
        case .both(let left, let right):
            let left = try value(of: left)
            return left.isTrue ? try value(of: right) : left
        case .either(let left, let right):
            let left = try value(of: left)
            return left.isTrue ? left : try value(of: right)
        case .binary(let symbol, let left, let right):
            return try combine(symbol, try value(of: left), try value(of: right), offset)
        case .conditional(let value, let condition, let otherwise):
            if try self.value(of: condition).isTrue { return try self.value(of: value) }
            return try otherwise.map { expression throws(TemplateFault) in try self.value(of: expression) }
                ?? .undefined
        case .filter(let filter, let base, let arguments):
            let value = try value(of: base)
            return try apply(filter, value, arguments, offset)
        case .test(let test, let base): return .boolean(TemplateRendering.holds(test, try value(of: base)))
        case .call(let name, let arguments): return try call(name, arguments, offset)
        case .method(let base, let name, let arguments):
            let value = try value(of: base)
            return try callMethod(name, value, arguments, offset)
        }
    }

    mutating func values(of expressions: [TemplateExpression]) throws(TemplateFault) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try value(of: expression)) }
        return values
    }

    private mutating func map(
        _ pairs: [(key: TemplateExpression, value: TemplateExpression)]
    ) throws(TemplateFault) -> TemplateValue {
        let namespace = TemplateNamespace([])
        for pair in pairs {
            guard case .text(let key) = try value(of: pair.key) else {
                throw TemplateFault(offset: pair.key.offset, message: "the keys of a map must be texts")
            }
            namespace.set(key, try value(of: pair.value))
        }
        return .map(namespace.members)
    }

    private func member(
        _ base: TemplateValue, _ key: [UInt8], _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        if case .undefined = base {
            throw TemplateFault(
                offset: offset, message: "an undefined name has no member \(String(decoding: key, as: UTF8.self))")
        }
        return base.member(key) ?? .undefined
    }

    private func element(
        _ base: TemplateValue, _ index: TemplateValue, _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        switch (base, index) {
        case (_, .text(let key)): return try member(base, key, offset)
        case (.list(let elements), .integer(let place)):
            let place = place < 0 ? place + elements.count : place
            return elements.indices.contains(place) ? elements[place] : .undefined
        default:
            throw TemplateFault(offset: offset, message: "\(base.kind) with \(index.kind) as an index is not supported")
        }
    }

    private mutating func slice(
        _ base: TemplateExpression, _ from: TemplateExpression?, _ to: TemplateExpression?, _ by: TemplateExpression?,
        _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        let found = try value(of: base)
        guard case .list(let elements) = found else {
            throw TemplateFault(offset: offset, message: "a slice of \(found.kind) is not supported")
        }
        var bounds: [Int?] = []
        for bound in [from, to, by] {
            guard let bound else {
                bounds.append(nil)
                continue
            }
            guard let number = try value(of: bound).number else {
                throw TemplateFault(offset: bound.offset, message: "a bound of a slice must be a number")
            }
            bounds.append(number)
        }
        guard [nil, 1, -1].contains(bounds[2]) else {
            throw TemplateFault(offset: offset, message: "a slice with a step other than 1 or -1 is not supported")
        }
        let isReversed = bounds[2] == -1
        guard !isReversed || bounds[0] == nil && bounds[1] == nil else {
            throw TemplateFault(offset: offset, message: "a slice with the step -1 and a bound is not supported")
        }
        if isReversed { return .list(elements.reversed()) }
        func place(_ bound: Int) -> Int {
            min(max(0, bound < 0 ? bound + elements.count : bound), elements.count)
        }
        let (start, end) = (bounds[0].map(place) ?? 0, bounds[1].map(place) ?? elements.count)
        try spend(8 * elements.count, offset)
        return .list(start < end ? Array(elements[start..<end]) : [])
    }
}
