import Failures
import Files
import Texts

/// The members of a `config.json`, taken out with their types checked.
struct ConfigurationFile {
    let path: String
    private let value: JSON

    /// No description of a model is larger: the names of many classes may be in it.
    private static let limitBytes = 64 << 20

    /// Reads a file.
    ///
    /// - Throws: `badData` where it is no JSON object.
    init(_ path: String) throws(Failure) {
        self.path = path
        value = try JSON(
            parsing: try TextReader.contents(of: path, limitBytes: ConfigurationFile.limitBytes), source: path)
        guard value.objectValue != nil else { throw Failure(.badData, "\(path): is not a JSON object.") }
    }

    /// The value of a member, nil where it is absent or null. A dot leads into an object.
    subscript(name: String) -> JSON? {
        var found: JSON? = value
        for part in name.exactParts(at: ".") { found = found?[part] }
        return found == .null ? nil : found
    }

    /// An integer in `range`.
    func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int?) throws(Failure) -> Int {
        guard let found = self[name] else { return try known(name, standard) }
        guard let number = found.integerValue, range.contains(number) else {
            throw unexpected(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A number.
    func number(_ name: String, default standard: Double?) throws(Failure) -> Double {
        guard let found = self[name] else { return try known(name, standard) }
        guard let number = found.doubleValue else { throw unexpected(name, "a number") }
        return number
    }

    /// True or false.
    func flag(_ name: String, default standard: Bool?) throws(Failure) -> Bool {
        guard let found = self[name] else { return try known(name, standard) }
        guard let flag = found.booleanValue else { throw unexpected(name, "true or false") }
        return flag
    }

    /// A string.
    func string(_ name: String, default standard: String?) throws(Failure) -> String {
        guard let found = self[name] else { return try known(name, standard) }
        guard let string = found.stringValue else { throw unexpected(name, "a string") }
        return string
    }

    /// The failure of a member that is not what it has to be.
    func unexpected(_ name: String, _ allowed: String) -> Failure {
        let found = self[name]?.line.prefix(80) ?? "nothing"
        return Failure(.badData, "\(path): \(name): found \(found); allowed: \(allowed).")
    }

    private func known<Value>(_ name: String, _ standard: Value?) throws(Failure) -> Value {
        guard let standard else { throw Failure(.badData, "\(path): has no \(name).") }
        return standard
    }
}
