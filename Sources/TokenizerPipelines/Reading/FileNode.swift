import Failures
import Files
import Texts

/// A value of a JSON file with its place, for messages.
struct FileNode {
    let value: JSON
    /// The file, and the names that lead to the value.
    let place: String

    /// An error at this place.
    func failure(_ message: String) -> Failure { Failure(.badData, "\(place): \(message)") }

    /// The member `name`; nil if it is missing or null.
    func member(_ name: String) -> FileNode? {
        guard let value = value[name], value != .null else { return nil }
        return FileNode(value: value, place: "\(place).\(name)")
    }

    /// The member `name`.
    func required(_ name: String) throws(Failure) -> FileNode {
        guard let found = member(name) else { throw failure("has no \"\(name)\".") }
        return found
    }

    /// The text of the member `name`; nil if it is missing or null.
    func text(_ name: String) throws(Failure) -> String? {
        guard let found = member(name) else { return nil }
        guard let text = found.value.stringValue else { throw found.wrong("a string") }
        return text
    }

    /// The Boolean of the member `name`.
    func flag(_ name: String, default standard: Bool) throws(Failure) -> Bool {
        guard let found = member(name) else { return standard }
        guard let flag = found.value.booleanValue else { throw found.wrong("true or false") }
        return flag
    }

    /// The number of a token.
    func token() throws(Failure) -> Int32 {
        guard let number = value.integerValue.flatMap(Int32.init(exactly:)), number >= 0 else {
            throw wrong("the number of a token")
        }
        return number
    }

    /// The elements of the member `name`, which is an array; none if it is missing or null.
    func list(_ name: String) throws(Failure) -> [FileNode] { try member(name)?.elements() ?? [] }

    /// The elements of an array.
    func elements() throws(Failure) -> [FileNode] {
        guard let elements = value.arrayValue else { throw wrong("an array") }
        return elements.enumerated().map { FileNode(value: $1, place: "\(place)[\($0)]") }
    }

    /// Rejects members with other names.
    func allow(_ names: String...) throws(Failure) {
        guard let members = value.objectValue else { throw wrong("an object") }
        for member in members where !names.containsExactly(member.name) {
            throw failure(
                "found \"\(shortened(member.name))\", which dtrain does not know; allowed: \(names.joined(separator: ", "))."
            )
        }
    }

    /// The kind of an object: its member "type".
    func kind() throws(Failure) -> String {
        guard value.objectValue != nil else { throw wrong("an object") }
        guard let kind = try text("type") else { throw failure("has no \"type\".") }
        return kind
    }

    /// An error for a kind that is not among `allowed`.
    func unknownKind(_ kind: String, _ allowed: String) -> Failure {
        failure("found \"\(shortened(kind))\", which dtrain does not know; allowed: \(allowed).")
    }

    /// An error for a value that is not what is needed.
    func wrong(_ needed: String) -> Failure { failure("found \(shortened(value.printedLine)); needed: \(needed).") }
}

/// The start of a long text.
func shortened(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(60)
    return start.count < text.unicodeScalars.count ? "\(String(String.UnicodeScalarView(start)))…" : text
}
