import Failures
import Files

/// Reads the members of a JSON object from a file and checks their types.
struct CheckedFields {
    private let value: JSON
    private let source: String

    /// - Parameter source: The file, and the location in it, for error messages.
    init(_ value: JSON, source: String) {
        self.value = value
        self.source = source
    }

    /// Returns a non-negative integer.
    func count(_ name: String) throws(Failure) -> Int {
        guard let count = value[name]?.integerValue, count >= 0 else {
            throw unexpected(name, "a non-negative integer")
        }
        return count
    }

    /// Returns a non-negative integer, or `missing` if there is no such member.
    func count(_ name: String, default missing: Int) throws(Failure) -> Int {
        value[name] == nil ? missing : try count(name)
    }

    func string(_ name: String) throws(Failure) -> String {
        guard let string = value[name]?.stringValue else { throw unexpected(name, "a string") }
        return string
    }

    func positiveNumber(_ name: String) throws(Failure) -> Double {
        guard let number = value[name]?.doubleValue, number > 0 else { throw unexpected(name, "a number above 0") }
        return number
    }

    /// Returns a number, or nil for null.
    func optionalNumber(_ name: String) throws(Failure) -> Double? {
        if value[name] == .null { return nil }
        guard let number = value[name]?.doubleValue else { throw unexpected(name, "a number or null") }
        return number
    }

    /// Returns the fields of an object, or nil for null.
    func optionalFields(_ name: String) throws(Failure) -> CheckedFields? {
        if value[name] == .null { return nil }
        guard let object = value[name], object.objectValue != nil else { throw unexpected(name, "an object or null") }
        return CheckedFields(object, source: "\(source): \(name)")
    }

    /// Returns the fields of each object in an array.
    func list(_ name: String) throws(Failure) -> [CheckedFields] {
        guard let elements = value[name]?.arrayValue else { throw unexpected(name, "an array of objects") }
        return elements.enumerated().map { CheckedFields($1, source: "\(source): \(name)[\($0)]") }
    }

    /// Returns a value of any type.
    func any(_ name: String) throws(Failure) -> JSON {
        guard let found = value[name] else { throw unexpected(name, "a value") }
        return found
    }

    private func unexpected(_ name: String, _ expected: String) -> Failure {
        let found = value[name]?.line.prefix(80) ?? "nothing"
        return Failure(.badData, "\(source): \(name): found \(found); expected \(expected).")
    }
}
