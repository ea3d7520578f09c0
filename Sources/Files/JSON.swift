import Texts

/// A JSON value (RFC 8259). Objects keep the order of their members, and member names are unique. Names and strings are
/// compared by their bytes.
package enum JSON: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// A number without fraction and exponent that fits in an `Int`.
    case integer(Int)
    /// Any other number. Infinities and NaN are written as null.
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name-value pair of an object.
    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }

        package static func == (left: Member, right: Member) -> Bool {
            left.name.exact == right.name.exact && left.value == right.value
        }
    }

    /// The value of the member `name`, or nil if it is missing or the value is not an object.
    ///
    /// - Complexity: O(members).
    package subscript(name: String) -> JSON? { objectValue?.first { $0.name.exact == name.exact }?.value }

    package static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.boolean(let left), .boolean(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.exact == right.exact
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// The value if it is a Boolean, otherwise nil.
    package var booleanValue: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// The value if it is an integer, otherwise nil.
    package var integerValue: Int? { if case .integer(let value) = self { value } else { nil } }

    /// The value if it is a number of either case, otherwise nil.
    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value if it is a string, otherwise nil.
    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }

    /// The elements if it is an array, otherwise nil.
    package var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }

    /// The members if it is an object, otherwise nil.
    package var objectValue: [Member]? { if case .object(let value) = self { value } else { nil } }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(nilLiteral: ()) { self = .null }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// An object with the given members in order; duplicate names are a programmer error.
    package init(dictionaryLiteral members: (String, JSON)...) {
        precondition(members.map(\.0).firstRepeated() == nil, "A JSON object holds each name once.")
        self = .object(members.map { Member($0.0, $0.1) })
    }
}
