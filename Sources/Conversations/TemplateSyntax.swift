/// A statement of a template.
indirect enum TemplateNode: Sendable {
    case text([UInt8])
    /// `{{ expression }}`.
    case output(TemplateExpression)
    /// `{% if %}` with its conditions in order; the last part is that of `{% else %}`.
    case choice([(condition: TemplateExpression, body: [TemplateNode])], otherwise: [TemplateNode])
    /// `{% for name in elements %}`; the last part is that of `{% else %}`, for no elements.
    case loop(name: String, elements: TemplateExpression, body: [TemplateNode], otherwise: [TemplateNode])
    /// `{% set name = value %}`, or a member of a namespace.
    case assignment(name: String, member: String?, value: TemplateExpression)
    /// `{% generation %}`: what the assistant writes.
    case generation([TemplateNode])
}

/// An expression of a template, with the byte offset at which it stands.
struct TemplateExpression: Sendable {
    /// What an expression is.
    indirect enum Kind: Sendable {
        case none
        case boolean(Bool)
        case integer(Int)
        case text([UInt8])
        case list([TemplateExpression])
        case map([(key: TemplateExpression, value: TemplateExpression)])
        case name(String)
        case member(TemplateExpression, [UInt8])
        case element(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, from: TemplateExpression?, to: TemplateExpression?, by: TemplateExpression?)
        case not(TemplateExpression)
        case negative(TemplateExpression)
        case both(TemplateExpression, TemplateExpression)
        case either(TemplateExpression, TemplateExpression)
        case binary(Operator, TemplateExpression, TemplateExpression)
        /// `value if condition else other`; without `else`, the other is undefined.
        case conditional(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
        case filter(Filter, TemplateExpression, Arguments)
        case test(Test, TemplateExpression)
        case call(String, Arguments)
        case method(TemplateExpression, String, Arguments)
    }

    /// The arguments of a call.
    struct Arguments: Sendable {
        var values: [TemplateExpression] = []
        var named: [(name: String, value: TemplateExpression)] = []
    }

    /// The operators of two values.
    enum Operator: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "//"
        case remainder = "%"
        case concatenate = "~"
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case within = "in"
        case notWithin = "not in"
    }

    /// The filters, `value | filter`.
    enum Filter: String, CaseIterable, Sendable {
        case trim, length, count, upper, lower, first, last, string, `default`, tojson
    }

    /// The tests, `value is test`.
    enum Test: String, CaseIterable, Sendable {
        case defined, undefined, none, string, mapping, sequence, iterable, boolean, integer, number, even, odd
        case isTrue = "true"
        case isFalse = "false"
    }

    let kind: Kind
    let offset: Int
    /// The number of expressions on the longest way into it, itself included.
    let height: Int

    init(kind: Kind, offset: Int) {
        (self.kind, self.offset) = (kind, offset)
        height = 1 + (kind.parts.map(\.height).max() ?? 0)
    }
}

extension TemplateExpression.Kind {
    /// The expressions in an expression.
    fileprivate var parts: [TemplateExpression] {
        switch self {
        case .none, .boolean, .integer, .text, .name: []
        case .list(let elements): elements
        case .map(let pairs): pairs.flatMap { [$0.key, $0.value] }
        case .member(let base, _), .not(let base), .negative(let base), .test(_, let base): [base]
        case .element(let left, let right), .both(let left, let right), .either(let left, let right),
            .binary(_, let left, let right):
            [left, right]
        case .slice(let base, let from, let to, let by): [base] + [from, to, by].compactMap(\.self)
        case .conditional(let value, let condition, let otherwise):
            [value, condition] + [otherwise].compactMap(\.self)
        case .call(_, let arguments): arguments.all
        case .filter(_, let base, let arguments), .method(let base, _, let arguments): [base] + arguments.all
        }
    }
}

extension TemplateExpression.Arguments {
    fileprivate var all: [TemplateExpression] { values + named.map(\.value) }
}

/// What is wrong in a template, or in a value while it is rendered.
struct TemplateFault: Error {
    /// The byte offset in the template.
    let offset: Int
    let message: String
    /// Whether the template itself refuses the conversation, with `raise_exception`.
    var isRaised = false
}
