extension TemplateRendering {
    /// The result of a filter.
    mutating func apply(
        _ filter: TemplateExpression.Filter, _ value: TemplateValue, _ arguments: TemplateExpression.Arguments,
        _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        func unsupported() -> TemplateFault {
            TemplateFault(offset: offset, message: "\(value.kind) | \(filter.rawValue) is not supported")
        }
        let given = try values(of: arguments.values)
        if filter == .tojson { return try json(value, given, arguments, offset) }
        guard arguments.named.isEmpty, given.count <= (filter == .default ? 2 : filter == .trim ? 1 : 0) else {
            throw TemplateFault(offset: offset, message: "these arguments of \(filter.rawValue) are not supported")
        }
        switch filter {
        case .default:
            let isReplaced =
                given.count > 1 && given[1].isTrue ? !value.isTrue : !TemplateRendering.holds(.defined, value)
            return isReplaced ? given.first ?? .text("") : value
        case .trim, .upper, .lower, .string:
            guard let text = value.written else { throw unsupported() }
            try spend(text.count, offset)
            switch filter {
            case .trim: return .text(try stripped(text, given.first, start: true, end: true, offset))
            case .string: return .text(text)
            default: return .text(TemplateRendering.recased(text, isUpper: filter == .upper))
            }
        case .length, .count:
            switch value {
            case .text(let text): return .integer(String(decoding: text, as: UTF8.self).unicodeScalars.count)
            case .list(let elements): return .integer(elements.count)
            case .map(let pairs): return .integer(pairs.count)
            case .undefined: return .integer(0)
            default: throw unsupported()
            }
        case .first, .last:
            guard case .list(let elements) = value else { throw unsupported() }
            return (filter == .first ? elements.first : elements.last) ?? .undefined
        case .tojson: preconditionFailure("handled above")
        }
    }

    /// The result of a function.
    mutating func call(
        _ name: String, _ arguments: TemplateExpression.Arguments, _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        let given = try values(of: arguments.values)
        switch name {
        case "raise_exception":
            let message = given.first?.written ?? []
            throw TemplateFault(offset: offset, message: String(decoding: message, as: UTF8.self), isRaised: true)
        case "namespace" where given.isEmpty:
            let namespace = TemplateNamespace([])
            for argument in arguments.named {
                namespace.set(Array(argument.name.utf8), try part(try value(of: argument.value), offset))
            }
            return .namespace(namespace)
        default:
            throw TemplateFault(
                offset: offset,
                message: "the function \(name) is not supported; allowed: raise_exception and namespace")
        }
    }

    /// The result of a method of a text or a map.
    mutating func callMethod(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateExpression.Arguments, _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        let given = try values(of: arguments.values)
        func unsupported() -> TemplateFault {
            TemplateFault(
                offset: offset, message: "the method \(name) of \(value.kind) is not supported with these arguments")
        }
        guard arguments.named.isEmpty else { throw unsupported() }
        if name == "get", case .text(let key)? = given.first, case .map = value {
            return value.member(key) ?? (given.count > 1 ? given[1] : .none)
        }
        guard case .text(let text) = value else { throw unsupported() }
        try spend(text.count, offset)
        switch (name, given.count) {
        case ("strip", 0...1): return .text(try stripped(text, given.first, start: true, end: true, offset))
        case ("lstrip", 0...1): return .text(try stripped(text, given.first, start: true, end: false, offset))
        case ("rstrip", 0...1): return .text(try stripped(text, given.first, start: false, end: true, offset))
        case ("upper", 0), ("lower", 0): return .text(TemplateRendering.recased(text, isUpper: name == "upper"))
        case ("startswith", 1):
            guard case .text(let part) = given[0] else { throw unsupported() }
            return .boolean(text.starts(with: part))
        case ("endswith", 1):
            guard case .text(let part) = given[0] else { throw unsupported() }
            return .boolean(text.reversed().starts(with: part.reversed()))
        case ("split", 1...2):
            guard case .text(let separator) = given[0], !separator.isEmpty, given.count == 1 || given[1].number != nil
            else { throw unsupported() }
            return .list(try parts(of: text, separator, limit: given.count > 1 ? given[1].number ?? 0 : -1, offset))
        case ("replace", 2):
            guard case .text(let old) = given[0], case .text(let new) = given[1], !old.isEmpty else {
                throw unsupported()
            }
            let kept = try parts(of: text, old, limit: -1, offset).map { $0.written ?? [] }
            try spend(kept.count * new.count, offset)
            return .text(Array(kept.joined(separator: new)))
        default: throw unsupported()
        }
    }

    /// The parts of a text between separators, of which at most `limit` count if it is not negative.
    private mutating func parts(
        of text: [UInt8], _ separator: [UInt8], limit: Int, _ offset: Int
    ) throws(TemplateFault) -> [TemplateValue] {
        try spend(text.count * min(separator.count, 64), offset)
        var parts: [TemplateValue] = []
        var rest = text[...]
        while limit < 0 || parts.count < limit, let place = TemplateRendering.firstRange(of: separator, in: rest) {
            parts.append(.text(Array(rest[..<place.lowerBound])))
            rest = rest[place.upperBound...]
        }
        try spend(64 * parts.count, offset)
        return parts + [.text(Array(rest))]
    }

    /// A text without white space, or the given characters, at its ends.
    private func stripped(
        _ text: [UInt8], _ characters: TemplateValue?, start: Bool, end: Bool, _ offset: Int
    ) throws(TemplateFault) -> [UInt8] {
        guard let characters else {
            let trimmed = start ? Whitespace.trimmingStart(text[...]) : text[...]
            return Array(end ? Whitespace.trimmingEnd(trimmed) : trimmed)
        }
        guard case .text(let bytes) = characters else {
            throw TemplateFault(offset: offset, message: "the characters to strip must be a text")
        }
        let set = Set(String(decoding: bytes, as: UTF8.self).unicodeScalars)
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        while start, let first = scalars.first, set.contains(first) { scalars.removeFirst() }
        while end, let last = scalars.last, set.contains(last) { scalars.removeLast() }
        return Array(String(scalars).utf8)
    }

    private static func recased(_ text: [UInt8], isUpper: Bool) -> [UInt8] {
        let text = String(decoding: text, as: UTF8.self)
        return Array((isUpper ? text.uppercased() : text.lowercased()).utf8)
    }

    // MARK: JSON

    /// The value as JSON, as Python's `json.dumps` writes it without escapes for other characters than ASCII.
    private mutating func json(
        _ value: TemplateValue, _ given: [TemplateValue], _ arguments: TemplateExpression.Arguments, _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        var indent: Int?
        var values = given
        for argument in arguments.named where argument.name == "indent" {
            values.append(try self.value(of: argument.value))
        }
        if let number = values.first?.number { indent = number }
        guard given.count + arguments.named.count == values.count, values.count <= 1, (0...16).contains(indent ?? 0)
        else {
            throw TemplateFault(offset: offset, message: "these arguments of tojson are not supported; allowed: indent")
        }
        try spend(64 * value.size(limit: TemplateRendering.workLimit), offset)
        var bytes: [UInt8] = []
        guard TemplateRendering.write(value, indent, depth: 0, into: &bytes) else {
            throw TemplateFault(offset: offset, message: "\(value.kind) | tojson is not supported")
        }
        try spend(bytes.count, offset)
        return .text(bytes)
    }

    private static func write(_ value: TemplateValue, _ indent: Int?, depth: Int, into bytes: inout [UInt8]) -> Bool {
        func lineBreak(_ depth: Int) {
            if let indent { bytes += [0x0A] + [UInt8](repeating: 0x20, count: indent * depth) }
        }
        func elements<Element>(
            _ elements: [Element], _ brackets: String, _ body: (Element, inout [UInt8]) -> Bool
        ) -> Bool {
            bytes.append(brackets.utf8.first!)
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes += Array((indent == nil ? ", " : ",").utf8) }
                lineBreak(depth + 1)
                guard body(element, &bytes) else { return false }
            }
            if !elements.isEmpty { lineBreak(depth) }
            bytes.append(brackets.utf8.last!)
            return true
        }
        switch value {
        case .none: bytes += Array("null".utf8)
        case .boolean(let value): bytes += Array((value ? "true" : "false").utf8)
        case .integer(let value): bytes += Array(String(value).utf8)
        case .text(let text): quote(text, into: &bytes)
        case .list(let values):
            return elements(values, "[]") { write($0, indent, depth: depth + 1, into: &$1) }
        case .map(let pairs):
            return elements(pairs, "{}") { pair, bytes in
                quote(pair.key, into: &bytes)
                bytes += Array(": ".utf8)
                return write(pair.value, indent, depth: depth + 1, into: &bytes)
            }
        case .undefined, .namespace: return false
        }
        return true
    }

    private static func quote(_ text: [UInt8], into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x08: bytes += Array("\\b".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0C: bytes += Array("\\f".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += Array(("\\u00" + (byte < 16 ? "0" : "") + digits).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
