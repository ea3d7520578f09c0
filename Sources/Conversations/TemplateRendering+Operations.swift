extension TemplateRendering {
    /// The result of an operator.
    mutating func combine(
        _ symbol: TemplateExpression.Operator, _ left: TemplateValue, _ right: TemplateValue, _ offset: Int
    ) throws(TemplateFault) -> TemplateValue {
        func unsupported() -> TemplateFault {
            TemplateFault(offset: offset, message: "\(left.kind) \(symbol.rawValue) \(right.kind) is not supported")
        }
        switch symbol {
        case .concatenate:
            guard let first = left.written, let second = right.written else { throw unsupported() }
            try spend(first.count + second.count, offset)
            return .text(first + second)
        case .equal, .notEqual:
            try spend(left.size(limit: TemplateRendering.workLimit), offset)
            return .boolean(TemplateValue.areEqual(left, right) == (symbol == .equal))
        case .within, .notWithin:
            guard let isFound = try contains(right, left, offset) else { throw unsupported() }
            return .boolean(isFound == (symbol == .within))
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard let isLess = TemplateRendering.isLess(left, right), let isMore = TemplateRendering.isLess(right, left)
            else { throw unsupported() }
            switch symbol {
            case .less: return .boolean(isLess)
            case .lessOrEqual: return .boolean(!isMore)
            case .greater: return .boolean(isMore)
            default: return .boolean(!isLess)
            }
        case .add:
            switch (left, right) {
            case (.text(let first), .text(let second)):
                try spend(first.count + second.count, offset)
                return .text(first + second)
            case (.list(let first), .list(let second)):
                try spend(64 * (first.count + second.count), offset)
                return .list(first + second)
            default: break
            }
        default: break
        }
        guard let first = left.number, let second = right.number else { throw unsupported() }
        guard let number = TemplateRendering.calculate(symbol, first, second) else {
            throw TemplateFault(offset: offset, message: "\(first) \(symbol.rawValue) \(second) has no result")
        }
        return .integer(number)
    }

    /// The result of an arithmetic operator as in Python; nil if it is none, or too large.
    private static func calculate(_ symbol: TemplateExpression.Operator, _ left: Int, _ right: Int) -> Int? {
        if symbol == .divide || symbol == .remainder {
            guard right != 0 else { return nil }
            let (quotient, remainder) = left.quotientAndRemainder(dividingBy: right)
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            return symbol == .divide ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? right : 0)
        }
        let (value, overflows) =
            switch symbol {
            case .add: left.addingReportingOverflow(right)
            case .subtract: left.subtractingReportingOverflow(right)
            default: left.multipliedReportingOverflow(by: right)
            }
        // Far from the limits, so that no further operation on it overflows.
        return overflows || value.magnitude > UInt(Int32.max) ? nil : value
    }

    private static func isLess(_ left: TemplateValue, _ right: TemplateValue) -> Bool? {
        if let left = left.number, let right = right.number { return left < right }
        guard case .text(let left) = left, case .text(let right) = right else { return nil }
        return left.lexicographicallyPrecedes(right)
    }

    /// Whether `in` holds; nil if the operands do not allow it.
    private mutating func contains(
        _ container: TemplateValue, _ value: TemplateValue, _ offset: Int
    ) throws(TemplateFault) -> Bool? {
        try spend(container.size(limit: TemplateRendering.workLimit), offset)
        switch (container, value) {
        case (.text(let text), .text(let part)): return TemplateRendering.firstRange(of: part, in: text[...]) != nil
        case (.list(let elements), _): return elements.contains { TemplateValue.areEqual($0, value) }
        case (.map, .text(let key)), (.namespace, .text(let key)): return container.member(key) != nil
        case (.undefined, _): return false
        default: return nil
        }
    }

    /// Whether a test holds.
    static func holds(_ test: TemplateExpression.Test, _ value: TemplateValue) -> Bool {
        switch (test, value) {
        case (.defined, .undefined): false
        case (.defined, _): true
        case (.undefined, .undefined), (.none, .none), (.string, .text), (.mapping, .map), (.boolean, .boolean): true
        case (.integer, .integer), (.number, .integer), (.number, .boolean): true
        case (.sequence, .list), (.sequence, .text), (.sequence, .map): true
        case (.iterable, .list), (.iterable, .text), (.iterable, .map), (.iterable, .undefined): true
        case (.even, .integer(let number)): number.isMultiple(of: 2)
        case (.odd, .integer(let number)): !number.isMultiple(of: 2)
        case (.isTrue, .boolean(let value)): value
        case (.isFalse, .boolean(let value)): !value
        default: false
        }
    }

    /// The place of the first `part` in a text.
    static func firstRange(of part: [UInt8], in text: ArraySlice<UInt8>) -> Range<Int>? {
        guard part.count <= text.count else { return nil }
        for start in text.startIndex...text.endIndex - part.count where text[start...].starts(with: part) {
            return start..<start + part.count
        }
        return nil
    }
}
