import Texts
import Failures
import Files

/// Reads the members of a `config.json` and checks their types.
package struct ConfigurationFile {
    let path: String
    private let value: JSON

    /// The maximum file size: it may contain the names of many classes, but nothing larger.
    private static let limitBytes = 64 << 20

    /// Reads and parses a file.
    ///
    /// - Throws: `badData` if it is not a JSON object.
    init(_ path: String) throws(Failure) {
        self.path = path
        value = try JSON(
            parsing: try TextReader.contents(of: path, limitBytes: ConfigurationFile.limitBytes), source: path)
        guard value.objectValue != nil else { throw Failure(.badData, "\(path): is not a JSON object.") }
    }

    /// The value of a member; nil if it is absent or null. A dot in `name` selects a member of a nested object.
    subscript(name: String) -> JSON? {
        var found: JSON? = value
        for part in name.exactParts(at: ".") { found = found?[part] }
        return found == .null ? nil : found
    }

    /// Whether there is a member of this name, possibly null.
    func contains(_ name: String) -> Bool { value[name] != nil }

    /// Returns an integer in `range`; `standard` if the member is absent.
    func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int?) throws(Failure) -> Int {
        guard let found = self[name] else { return try known(name, standard) }
        guard let number = found.integerValue, range.contains(number) else {
            throw unexpected(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Returns a number; `standard` if the member is absent.
    func number(_ name: String, default standard: Double?) throws(Failure) -> Double {
        guard let found = self[name] else { return try known(name, standard) }
        guard let number = found.doubleValue else { throw unexpected(name, "a number") }
        return number
    }

    /// Returns a Boolean; `standard` if the member is absent.
    func flag(_ name: String, default standard: Bool?) throws(Failure) -> Bool {
        guard let found = self[name] else { return try known(name, standard) }
        guard let flag = found.booleanValue else { throw unexpected(name, "true or false") }
        return flag
    }

    /// Returns a string; `standard` if the member is absent.
    func string(_ name: String, default standard: String?) throws(Failure) -> String {
        guard let found = self[name] else { return try known(name, standard) }
        guard let string = found.stringValue else { throw unexpected(name, "a string") }
        return string
    }

    /// The error for a member with an unexpected value.
    func unexpected(_ name: String, _ allowed: String) -> Failure {
        let found = self[name]?.line.prefix(80) ?? "nothing"
        return Failure(.badData, "\(path): \(name): found \(found); allowed: \(allowed).")
    }

    private func known<Value>(_ name: String, _ standard: Value?) throws(Failure) -> Value {
        guard let standard else { throw Failure(.badData, "\(path): has no \(name).") }
        return standard
    }
}
