import Failures
import Texts

/// A YAML node that is not an allowed value of its key.
struct ConfigurationMismatch: Error {
    /// The node, or the invalid element of a list.
    let node: YAMLNode
    /// The allowed value with the most similar spelling.
    var nearest: String?
    /// The required key that is missing from the node, a mapping.
    var lacks: String?
}

/// The conversion of values of one type from and to YAML.
///
/// Numbers follow the core schema of YAML 1.2 (section 10.3.2), in decimal notation only; `true` and `false` are the
/// only booleans; a number in quotes is text.
struct ConfigurationFormat<Value: Sendable>: Sendable {
    /// A description of the allowed values, for messages.
    let allowed: String
    /// Some allowed values; all of them if they are few.
    let examples: [Value]
    /// All allowed values, as written, if they are words; otherwise empty. `examples` are then all allowed values.
    var words: [String] = []
    /// Parses a node.
    let decode: @Sendable (YAMLNode) throws(ConfigurationMismatch) -> Value
    /// Writes a value as YAML that `decode` parses to the same value.
    let encode: @Sendable (Value) -> String
}

extension ConfigurationFormat<String> {
    /// Text, in quotes or not, without control characters.
    static var text: Self {
        Self(allowed: "text of 1 to 4095 bytes without control characters", examples: ["a", "b"]) {
            (node) throws(ConfigurationMismatch) in
            guard let text = scalar(node), (1...4095).contains(text.utf8.count),
                !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else { throw ConfigurationMismatch(node: node) }
            return text
        } encode: {
            quoted($0)
        }
    }

    /// A path, with or without quotes: any bytes that the system allows, represented as in `PathText`.
    static var path: Self {
        Self(allowed: "a path of 1 to 4095 bytes without a zero byte", examples: ["a", "b"]) {
            (node) throws(ConfigurationMismatch) in
            guard let text = scalar(node), !text.utf8.contains(0), (1...4095).contains(PathText.bytes(of: text).count)
            else { throw ConfigurationMismatch(node: node) }
            return text
        } encode: {
            quoted($0)
        }
    }

    /// The text of a node; nil if it is not text, or null.
    private static func scalar(_ node: YAMLNode) -> String? {
        guard case .scalar(let text, let isPlain) = node.content,
            !(isPlain && ["~", "null", "Null", "NULL"].contains(text))
        else { return nil }
        return text
    }
}

extension ConfigurationFormat<Bool> {
    /// `true` or `false`.
    static var boolean: Self {
        Self(allowed: "true or false", examples: [false, true], words: ["false", "true"]) {
            (node) throws(ConfigurationMismatch) in
            switch node.content {
            case .scalar("true", isPlain: true): return true
            case .scalar("false", isPlain: true): return false
            default: throw ConfigurationMismatch(node: node)
            }
        } encode: {
            String($0)
        }
    }
}

extension ConfigurationFormat<Int> {
    /// An integer in `range`.
    static func integer(in range: ClosedRange<Int>) -> Self {
        let least = range.lowerBound
        return Self(
            allowed: "a whole number from \(least) to \(range.upperBound)",
            examples: [least, least + 1, least + 2].filter(range.contains)
        ) { (node) throws(ConfigurationMismatch) in
            try readInteger(node, in: range)
        } encode: {
            String($0)
        }
    }
}

extension ConfigurationFormat<[Int]> {
    /// A list of strictly ascending integers in `range`.
    static func ascending(in range: ClosedRange<Int>) -> Self {
        Self(
            allowed: "a list of ascending whole numbers, each from \(range.lowerBound) to \(range.upperBound)",
            examples: [[], [range.lowerBound]]
        ) { (node) throws(ConfigurationMismatch) in
            guard case .sequence(let elements) = node.content else { throw ConfigurationMismatch(node: node) }
            var values: [Int] = []
            for element in elements {
                let value = try readInteger(element, in: range)
                guard value > values.last ?? .min else { throw ConfigurationMismatch(node: element) }
                values.append(value)
            }
            return values
        } encode: {
            "[" + $0.map(String.init).joined(separator: ", ") + "]"
        }
    }
}

extension ConfigurationFormat<Double> {
    /// A real number in `range`.
    static func real(_ range: RealRange) -> Self {
        Self(allowed: "a number \(range.description)", examples: range.examples) {
            (node) throws(ConfigurationMismatch) in
            try readReal(node, in: range)
        } encode: {
            $0.description
        }
    }
}

extension ConfigurationFormat<Double?> {
    /// A real number, or `word` for nil.
    static func realOr(_ word: String, _ range: RealRange) -> Self {
        Self(allowed: "\(word), or a number \(range.description)", examples: [nil] + range.examples) {
            (node) throws(ConfigurationMismatch) in
            if case .scalar(word, isPlain: _) = node.content { return nil }
            return try readReal(node, in: range)
        } encode: {
            $0?.description ?? word
        }
    }
}

extension ConfigurationFormat<[Double]> {
    /// A list of `count` real numbers in `range`.
    static func reals(count: Int, _ range: RealRange) -> Self {
        Self(
            allowed: "a list of \(count) numbers, each \(range.description)",
            examples: range.examples.map { [Double](repeating: $0, count: count) }
        ) { (node) throws(ConfigurationMismatch) in
            guard case .sequence(let elements) = node.content, elements.count == count else {
                throw ConfigurationMismatch(node: node)
            }
            var values: [Double] = []
            for element in elements { values.append(try readReal(element, in: range)) }
            return values
        } encode: {
            "[" + $0.map(\.description).joined(separator: ", ") + "]"
        }
    }
}

extension ConfigurationFormat where Value: RawRepresentable<String> & CaseIterable & Sendable {
    /// The raw value of one of the enumeration's cases.
    static func choice() -> Self {
        let names = Value.allCases.map(\.rawValue)
        return Self(allowed: names.joined(separator: ", "), examples: Array(Value.allCases), words: names) {
            (node) throws(ConfigurationMismatch) in
            guard case .scalar(let text, _) = node.content else { throw ConfigurationMismatch(node: node) }
            guard let value = Value(rawValue: text) else {
                throw ConfigurationMismatch(node: node, nearest: nearestSpelling(to: text, among: names))
            }
            return value
        } encode: {
            $0.rawValue
        }
    }
}

/// A range of real numbers, with or without its upper bound.
struct RealRange: Sendable {
    private let lower: Double, upper: Double
    private let includesUpper: Bool

    init(_ range: ClosedRange<Double>) { (lower, upper, includesUpper) = (range.lowerBound, range.upperBound, true) }
    init(_ range: Range<Double>) { (lower, upper, includesUpper) = (range.lowerBound, range.upperBound, false) }

    /// Whether `value` is in the range. A value that rounds to an excluded upper bound in Float32, the type in which it
    /// is used, is not in the range.
    func contains(_ value: Double) -> Bool {
        value >= lower && (includesUpper ? value <= upper : Float(value) < Float(upper))
    }

    /// Values of the range: the lower bound, a value near it, and the upper bound if included.
    var examples: [Double] {
        let inner = lower + min(0.25, (upper - lower) / 4)
        return [lower, inner] + (includesUpper ? [upper] : [])
    }

    var description: String { "from \(plain(lower)) \(includesUpper ? "to" : "to below") \(plain(upper))" }
}

/// Formats `value` without a fraction if it is an integer.
package func plain(_ value: Double) -> String {
    let text = value.description
    return text.withoutExactSuffix(".0") ?? text
}

private func readInteger(_ node: YAMLNode, in range: ClosedRange<Int>) throws(ConfigurationMismatch) -> Int {
    guard case .scalar(let text, isPlain: true) = node.content, let value = wholeNumber(text), range.contains(value)
    else { throw ConfigurationMismatch(node: node) }
    return value
}

private func readReal(_ node: YAMLNode, in range: RealRange) throws(ConfigurationMismatch) -> Double {
    guard case .scalar(let text, isPlain: true) = node.content, let value = decimalNumber(text), range.contains(value)
    else { throw ConfigurationMismatch(node: node) }
    // Negative zero becomes zero, so that equal configurations have equal text.
    return value == 0 ? 0 : value
}

/// `text` as YAML: plain if it can only be parsed as a path, otherwise in double quotes.
private func quoted(_ text: String) -> String {
    let isSafe = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        case UInt8(ascii: "/"): true
        default: false
        }
    }
    if isSafe, text.containsExactly("/"), !text.hasExactPrefix("-") { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case "\0"..<" ", "\u{7F}"..."\u{9F}":
            result += (scalar.value < 16 ? "\\x0" : "\\x") + String(scalar.value, radix: 16)
        // Bytes that are not UTF-8, which an editor would not display.
        case _ where PathText.byte(of: scalar) != nil: result += "\\U00" + String(scalar.value, radix: 16)
        // Line breaks and characters that YAML does not allow unescaped.
        case "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
            result += "\\u" + String(scalar.value, radix: 16)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
