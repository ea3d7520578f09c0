/// A value of a template. Texts are UTF-8 and compared by their bytes.
indirect enum TemplateValue {
    /// A name without a value. It is false and has no text.
    case undefined
    case none
    case boolean(Bool)
    case integer(Int)
    case text([UInt8])
    case list([TemplateValue])
    /// Pairs in the order in which they were written; no key occurs twice.
    case map([(key: [UInt8], value: TemplateValue)])
    /// A map that `set` can change within a loop.
    case namespace(TemplateNamespace)

    /// A text.
    static func text(_ text: String) -> TemplateValue { .text(Array(text.utf8)) }

    /// Whether a condition with the value holds.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .boolean(let value): value
        case .integer(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let elements): !elements.isEmpty
        case .map(let pairs): !pairs.isEmpty
        case .namespace: true
        }
    }

    /// The kind, for messages.
    var kind: String {
        switch self {
        case .undefined: "an undefined name"
        case .none: "none"
        case .boolean: "a boolean"
        case .integer: "a number"
        case .text: "a text"
        case .list: "a list"
        case .map: "a map"
        case .namespace: "a namespace"
        }
    }

    /// The text that `{{ }}` writes; nil for a list, a map or a namespace.
    var written: [UInt8]? {
        switch self {
        case .undefined: []
        case .none: Array("None".utf8)
        case .boolean(let value): Array((value ? "True" : "False").utf8)
        case .integer(let value): Array(String(value).utf8)
        case .text(let text): text
        case .list, .map, .namespace: nil
        }
    }

    /// The number of a number or, as in Python, of a boolean; otherwise nil.
    var number: Int? {
        switch self {
        case .integer(let value): value
        case .boolean(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The value of a key of a map or namespace; nil for other values and other keys.
    func member(_ key: [UInt8]) -> TemplateValue? {
        switch self {
        case .map(let pairs): pairs.first { $0.key == key }?.value
        case .namespace(let namespace): namespace.members.first { $0.key == key }?.value
        default: nil
        }
    }
}

extension TemplateValue {
    /// Whether two values are equal, as `==` compares them in a template.
    static func areEqual(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
        if let left = left.number, let right = right.number { return left == right }
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.text(let left), .text(let right)): return left == right
        case (.list(let left), .list(let right)):
            return left.count == right.count && zip(left, right).allSatisfy(areEqual)
        case (.map(let pairs), .map(let others)):
            return pairs.count == others.count
                && pairs.allSatisfy { key, value in right.member(key).map { areEqual(value, $0) } ?? false }
        case (.namespace(let left), .namespace(let right)): return left === right
        default: return false
        }
    }

    /// Whether the value has more than `limit` levels of lists and maps, or a namespace in one of them.
    func isDeeper(than limit: Int) -> Bool {
        switch self {
        case .namespace: true
        case .list(let elements): limit == 0 || elements.contains { $0.isDeeper(than: limit - 1) }
        case .map(let pairs): limit == 0 || pairs.contains { $0.value.isDeeper(than: limit - 1) }
        default: false
        }
    }

    /// The number of parts of the value with all values in it, at most `limit`: the work of comparing or writing it.
    func size(limit: Int) -> Int {
        switch self {
        case .text(let text): return min(limit, 1 + text.count)
        case .list(let elements):
            var total = 1
            for element in elements where total < limit { total += element.size(limit: limit - total) }
            return min(limit, total)
        case .map(let pairs):
            var total = 1
            for (key, value) in pairs where total < limit { total += key.count + value.size(limit: limit) }
            return min(limit, total)
        default: return 1
        }
    }
}

/// The members of a namespace. It belongs to one rendering, which one thread does.
final class TemplateNamespace {
    var members: [(key: [UInt8], value: TemplateValue)]

    init(_ members: [(key: [UInt8], value: TemplateValue)]) { self.members = members }

    func set(_ key: [UInt8], _ value: TemplateValue) {
        if let place = members.firstIndex(where: { $0.key == key }) {
            members[place].value = value
        } else {
            members.append((key, value))
        }
    }
}
