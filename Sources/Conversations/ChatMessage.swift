import Failures
import Files
import Texts

/// A message of a conversation.
package struct ChatMessage: Equatable, Sendable {
    /// Who speaks.
    package enum Role: String, CaseIterable, Sendable {
        case system, user, assistant
    }

    package var role: Role
    /// The text, UTF-8.
    package var content: [UInt8]

    package init(_ role: Role, _ content: [UInt8]) { (self.role, self.content) = (role, content) }

    /// The messages of a JSON object: `{"messages": [{"role": …, "content": …}, …]}`, or
    /// `{"prompt": …, "completion": …}`, which is a message of the user and its answer.
    ///
    /// - Parameter place: The place of the object, for messages.
    /// - Throws: `badData` for another object, or an unknown role.
    package static func messages(of object: JSON, place: String) throws(Failure) -> [ChatMessage] {
        func refuse(_ found: String) -> Failure {
            Failure(
                .badData,
                "\(place): \(found) Allowed: {\"messages\": [{\"role\": …, \"content\": …}, …]} or "
                    + "{\"prompt\": …, \"completion\": …}.")
        }
        func text(_ name: String) throws(Failure) -> [UInt8] {
            guard let text = object[name]?.stringValue else {
                throw refuse(object[name] == nil ? "has no \"\(name)\"." : "\"\(name)\" is not a text.")
            }
            return Array(text.utf8)
        }
        let messages: [ChatMessage]
        if let list = object["messages"] {
            guard let elements = list.arrayValue else { throw refuse("\"messages\" is not a list.") }
            messages = try elements.enumerated().map { index, element throws(Failure) in
                try message(element, "\(place): message \(index + 1)")
            }
        } else if object["prompt"] != nil || object["completion"] != nil {
            messages = [ChatMessage(.user, try text("prompt")), ChatMessage(.assistant, try text("completion"))]
        } else {
            let names = object.objectValue.map { $0.isEmpty ? "no member" : $0.map(\.name).joined(separator: ", ") }
            throw refuse("found \(names ?? "no object").")
        }
        return messages
    }

    private static func message(_ element: JSON, _ place: String) throws(Failure) -> ChatMessage {
        guard element.objectValue != nil else {
            throw Failure(
                .badData, "\(place): is not an object; needed: {\"role\": …, \"content\": …}.")
        }
        let roles = Role.allCases.map(\.rawValue)
        guard let name = element["role"]?.stringValue,
            let role = Role.allCases.first(where: { $0.rawValue.exact == name.exact })
        else {
            let found = element["role"].map(\.line) ?? "none"
            let near = nearestSpelling(to: element["role"]?.stringValue ?? "", among: roles).map {
                "; did you mean \($0)?"
            }
            throw Failure(
                .badData,
                "\(place): the role is \(found.prefix(60)); allowed: \(roles.joined(separator: ", "))\(near ?? ".")")
        }
        guard let content = element["content"]?.stringValue else {
            throw Failure(
                .badData,
                "\(place): \"content\" is \(element["content"].map { String($0.line.prefix(60)) } ?? "missing"); "
                    + "needed: a text.")
        }
        return ChatMessage(role, Array(content.utf8))
    }
}
