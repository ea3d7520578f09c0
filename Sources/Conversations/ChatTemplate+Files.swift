import Failures
import Files
import Texts

extension ChatTemplate {
    /// The template of that name, or in a file: a template, or a `tokenizer_config.json` with one.
    ///
    /// - Throws: `usage` for neither; `badData` as `init(parsing:name:)`; `inputOutput` if the file cannot be read.
    package static func named(_ name: String) throws(Failure) -> ChatTemplate {
        if let template = BuiltIn.allCases.first(where: { $0.rawValue.exact == name.exact }) {
            return ChatTemplate(template)
        }
        guard FileSystem.exists(name), !FileSystem.isDirectory(name) else {
            let names = BuiltIn.allCases.map(\.rawValue)
            let near = nearestSpelling(to: name, among: names).map { "; did you mean \($0)?" } ?? "."
            throw Failure(
                .usage,
                "--template: found \(name); allowed: \(names.joined(separator: ", ")), or the path of a file with a "
                    + "template or of a tokenizer_config.json\(near)")
        }
        let bytes = try FileSystem.contents(of: name, limitBytes: configurationBytesLimit)
        guard name.hasExactSuffix(".json") else { return try ChatTemplate(parsing: text(bytes, name), name: name) }
        if let template = try template(of: JSON(parsing: bytes, source: name), name) { return template }
        throw Failure(.badData, "\(name): has no chat_template.")
    }

    /// The template that belongs to a tokenizer of another program: in `chat_template.jinja` or in the member
    /// `chat_template` of `tokenizer_config.json`, in its directory or beside its file; nil if there is none.
    ///
    /// - Parameter path: The directory of the tokenizer, or its file.
    /// - Throws: `badData` as `init(parsing:name:)`; `inputOutput` if a file cannot be read.
    package static func ofTokenizer(_ path: String) throws(Failure) -> ChatTemplate? {
        var directory = path
        if !FileSystem.isDirectory(path) {
            let parts = path.exactParts(at: "/").dropLast()
            directory = parts.isEmpty ? "." : parts.joined(separator: "/")
        }
        let own = "\(directory)/chat_template.jinja"
        if try FileSystem.isPresent(own) {
            return try ChatTemplate(
                parsing: text(try FileSystem.contents(of: own, limitBytes: configurationBytesLimit), own), name: own)
        }
        let configuration = "\(directory)/tokenizer_config.json"
        guard try FileSystem.isPresent(configuration) else { return nil }
        let bytes = try FileSystem.contents(of: configuration, limitBytes: configurationBytesLimit)
        return try template(of: JSON(parsing: bytes, source: configuration), configuration)
    }

    private static let configurationBytesLimit = 16 << 20

    private static func text(_ bytes: [UInt8], _ name: String) throws(Failure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.badData, "\(name): is not UTF-8 text.")
        }
        return text
    }

    /// The template in a `tokenizer_config.json`: a text, or in a list the one with the name default.
    private static func template(of configuration: JSON, _ name: String) throws(Failure) -> ChatTemplate? {
        let found = configuration["chat_template"]
        let chosen =
            found?.arrayValue?.first { $0["name"]?.stringValue?.exact == "default".exact }?["template"] ?? found
        guard let chosen, chosen != .null else { return nil }
        guard let text = chosen.stringValue else {
            throw Failure(.badData, "\(name): chat_template is neither a text nor a list with one of the name default.")
        }
        return try ChatTemplate(parsing: text, name: name)
    }
}
