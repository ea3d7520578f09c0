import Failures
import Files

/// The members of a JSON object from a file, taken out with their types checked.
struct CheckedFields {
    private let value: JSON
    private let source: String

    /// - Parameter source: The file, and the place in it, for messages.
    init(_ value: JSON, source: String) {
        self.value = value
        self.source = source
    }

    /// An integer that is not negative.
    func count(_ name: String) throws(Failure) -> Int {
        guard let count = value[name]?.integerValue, count >= 0 else { throw unexpected(name, "an integer from 0 on") }
        return count
    }

    /// The same, or `missing` where there is no such member.
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

    /// A number, or nil for null.
    func optionalNumber(_ name: String) throws(Failure) -> Double? {
        if value[name] == .null { return nil }
        guard let number = value[name]?.doubleValue else { throw unexpected(name, "a number or null") }
        return number
    }

    /// The fields of an object, or nil for null.
    func optionalFields(_ name: String) throws(Failure) -> CheckedFields? {
        if value[name] == .null { return nil }
        guard let object = value[name], object.objectValue != nil else { throw unexpected(name, "an object or null") }
        return CheckedFields(object, source: "\(source): \(name)")
    }

    /// The fields of each object of an array.
    func list(_ name: String) throws(Failure) -> [CheckedFields] {
        guard let elements = value[name]?.arrayValue else { throw unexpected(name, "an array of objects") }
        return elements.enumerated().map { CheckedFields($1, source: "\(source): \(name)[\($0)]") }
    }

    /// A value of any kind.
    func any(_ name: String) throws(Failure) -> JSON {
        guard let found = value[name] else { throw unexpected(name, "a value") }
        return found
    }

    private func unexpected(_ name: String, _ expected: String) -> Failure {
        let found = value[name]?.line.prefix(80) ?? "nothing"
        return Failure(.badData, "\(source): \(name): \(found) found, \(expected) was expected.")
    }
}
