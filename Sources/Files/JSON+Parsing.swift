import Failures
import Texts

extension JSON {
    /// Parses one JSON text strictly according to RFC 8259: valid UTF-8, no duplicate names within an object, and no
    /// nesting deeper than `depthLimit`.
    ///
    /// - Parameter source: The origin of the bytes, for the message.
    /// - Throws: `badData` with the position of the first invalid byte.
    package init(parsing bytes: [UInt8], source: String, depthLimit: Int = 64) throws(Failure) {
        var parser = JSONParser(bytes: bytes, depthLimit: depthLimit)
        do throws(JSONParser.Malformed) {
            self = try parser.parse()
        } catch {
            throw Failure(.badData, "\(source): malformed JSON at byte \(error.position): \(error.finding).")
        }
    }
}

/// A recursive-descent parser of one JSON text with bounded depth.
private struct JSONParser {
    struct Malformed: Error {
        let position: Int
        let finding: String
    }

    let bytes: [UInt8]
    let depthLimit: Int
    private var position = 0

    init(bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    mutating func parse() throws(Malformed) -> JSON {
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw malformed("more text after the value") }
        return value
    }

    // MARK: Values

    private mutating func parseValue(depth: Int) throws(Malformed) -> JSON {
        skipSpace()
        guard let next = peek() else { throw malformed("the text ends where a value was expected") }
        switch next {
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case UInt8(ascii: "t"): return try parseWord("true", .boolean(true))
        case UInt8(ascii: "f"): return try parseWord("false", .boolean(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        default: throw malformed("a value was expected")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(Malformed) -> JSON {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count,
            bytes[position..<end].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: end - position))
        else { throw malformed("a value was expected") }
        position = end
        return value
    }

    private mutating func parseObject(depth: Int) throws(Malformed) -> [JSON.Member] {
        try descend(to: depth)
        var members: [JSON.Member] = []
        var names: Set<ExactText> = []
        if take("}") { return members }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw malformed("a name in quotes was expected") }
            let name = try parseString()
            guard names.insert(name.exact).inserted else {
                throw malformed("the name \(JSON.string(name).line) occurs more than once")
            }
            guard take(":") else { throw malformed("':' was expected") }
            members.append(JSON.Member(name, try parseValue(depth: depth)))
        } while take(",")
        guard take("}") else { throw malformed("',' or '}' was expected") }
        return members
    }

    private mutating func parseArray(depth: Int) throws(Malformed) -> [JSON] {
        try descend(to: depth)
        var elements: [JSON] = []
        if take("]") { return elements }
        repeat { elements.append(try parseValue(depth: depth)) } while take(",")
        guard take("]") else { throw malformed("',' or ']' was expected") }
        return elements
    }

    private mutating func descend(to depth: Int) throws(Malformed) {
        guard depth <= depthLimit else { throw malformed("nested deeper than \(depthLimit)") }
        position += 1
    }

    // MARK: Numbers

    private mutating func parseNumber() throws(Malformed) -> JSON {
        let start = position
        var isInteger = true
        let isNegative = takeByte("-")
        if !takeByte("0") { try takeDigits() }
        if takeByte(".") {
            isInteger = false
            try takeDigits()
        }
        if takeByte("e") || takeByte("E") {
            isInteger = false
            if !takeByte("+") { _ = takeByte("-") }
            try takeDigits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        // Only a floating-point number can represent negative zero.
        if isInteger, let value = Int(text), !(isNegative && value == 0) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            position = start
            throw malformed("a number out of range")
        }
        return .number(value)
    }

    private mutating func takeDigits() throws(Malformed) {
        let start = position
        while let next = peek(), isDigit(next) { position += 1 }
        guard position > start else { throw malformed("a digit was expected") }
    }

    private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    // MARK: Strings

    private mutating func parseString() throws(Malformed) -> String {
        let opening = position
        position += 1
        var text: [UInt8] = []
        while let next = peek() {
            switch next {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    position = opening
                    throw malformed("a string that is not valid UTF-8")
                }
                position += 1
                return string
            case UInt8(ascii: "\\"):
                position += 1
                text.append(contentsOf: try parseEscape())
            case 0..<0x20: throw malformed("a control character in a string")
            default:
                text.append(next)
                position += 1
            }
        }
        throw malformed("the text ends within a string")
    }

    /// Parses an escape sequence after its backslash and returns the UTF-8 bytes it denotes.
    private mutating func parseEscape() throws(Malformed) -> [UInt8] {
        guard let kind = peek() else { throw malformed("the text ends within a string") }
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var code = UInt32(try parseHexadecimal())
            if 0xD800..<0xDC00 ~= code {
                guard takeByte("\\"), takeByte("u") else { throw malformed("half of a surrogate pair") }
                let low = UInt32(try parseHexadecimal())
                guard 0xDC00..<0xE000 ~= low else { throw malformed("half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw malformed("half of a surrogate pair") }
            return Array(UTF8.encode(scalar)!)
        default: throw malformed("an unknown escape sequence")
        }
    }

    private mutating func parseHexadecimal() throws(Malformed) -> UInt16 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ $0 < 0x80 && Unicode.Scalar($0).properties.isHexDigit }),
            let value = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw malformed("four hexadecimal digits were expected") }
        position += 4
        return value
    }

    // MARK: Bytes

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let next = peek(), next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { position += 1 }
    }

    /// Skips whitespace, and consumes `wanted` if it is next.
    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        skipSpace()
        return takeByte(wanted)
    }

    private mutating func takeByte(_ wanted: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: wanted) else { return false }
        position += 1
        return true
    }

    private func malformed(_ finding: String) -> Malformed { Malformed(position: position, finding: finding) }
}
