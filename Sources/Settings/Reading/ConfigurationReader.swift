import Checkpoints
import Failures
import Files
import Texts

extension Configuration {
    /// Combines the defaults, `file` and `--set` arguments; later ones take precedence.
    ///
    /// - Parameters:
    ///   - file: A YAML or JSON file; nil: only the defaults.
    ///   - sets: The arguments of `--set`, each `KEY.PATH=VALUE`.
    /// - Throws: `usage` for the first error, with its location, the value found and the allowed values; `inputOutput`
    ///   if the file exists but cannot be read.
    package static func load(file: String?, sets: [String] = []) throws(Failure) -> Configuration {
        try reader(file: file, sets: sets).checked()
    }

    /// A reader that has applied a file, `--set` arguments, and the model of the checkpoint to fine-tune.
    private static func reader(
        file: String?, sets: [String], output: String? = nil
    ) throws(Failure) -> ConfigurationReader {
        var reader = ConfigurationReader()
        if let file { try reader.apply(try contents(of: file), name: file) }
        for set in sets { try reader.apply(set: set) }
        if let output { reader.configuration.run.directory = output }
        try reader.inheritModel()
        return reader
    }

    /// The configuration of a training run, as returned by `load`, and warnings for the user.
    ///
    /// A key without effect is accepted if the run's `config.yaml` has the same value: earlier versions accepted such
    /// keys, and their runs must remain resumable.
    ///
    /// - Parameters:
    ///   - directory: The run directory; nil: `run.directory`.
    ///   - continues: Whether the run in that directory may be resumed.
    package static func loadRun(
        file: String?, sets: [String], directory: String?, continues: Bool
    ) throws(Failure) -> (configuration: Configuration, warnings: [String]) {
        let reader = try Self.reader(file: file, sets: sets, output: directory)
        var warnings: [String] = []
        var recorded: Configuration?
        func tolerates(_ key: ConfigurationKey<Configuration>, _ failure: Failure) -> Bool {
            if recorded == nil, continues { recorded = reader.recorded() }
            guard let recorded, key.text(recorded) == key.text(reader.configuration) else { return false }
            warnings.append(
                "warning: \(failure.message). It has no effect, and is accepted because the run was started with it.")
            return true
        }
        let configuration = try reader.checked(noting: { warnings.append($0) }, tolerating: tolerates)
        return (configuration, warnings)
    }

    /// Parses `text`, which is YAML or JSON; messages call it `name`.
    ///
    /// - Parameter isRecorded: Whether a run or an earlier version wrote it, so that keys without effect are accepted.
    /// - Throws: `usage` for the first error.
    package static func parse(_ text: String, name: String, isRecorded: Bool = false) throws(Failure) -> Configuration {
        try parse(Array(text.utf8), name: name, isRecorded: isRecorded)
    }

    /// Parses the bytes of a file named `name`.
    static func parse(_ bytes: [UInt8], name: String, isRecorded: Bool = false) throws(Failure) -> Configuration {
        var reader = ConfigurationReader()
        try reader.apply(bytes, name: name)
        return try reader.checked(tolerating: { _, _ in isRecorded })
    }

    private static func contents(of file: String) throws(Failure) -> [UInt8] {
        guard try FileSystem.isPresent(file) else {
            throw Failure(
                .usage,
                "\(printable(file, limit: 4096)): no such configuration file\(FileSystem.reasonForAbsence(of: file)). Give "
                    + "--config a file that exists, such as configs/quickstart.yaml, or omit it for the built-in quickstart."
            )
        }
        do throws(Failure) {
            let bytes = try FileSystem.contents(of: file, limitBytes: YAMLReader.limitBytes)
            if String(validating: bytes, as: UTF8.self) != nil { return bytes }
            // Throws a specific error if the file is not text, such as an archive.
            _ = try TextReader(bytes: bytes, name: printable(file, limit: 4096), allowsEmpty: true)
            // The names of directories may be in another encoding; their bytes are kept as they are.
            return Array(PathText.text(of: bytes).utf8)
        } catch {
            // The wrong file was given; this is not a damaged dataset or checkpoint.
            throw error.exitCode == .badData ? Failure(.usage, error.message) : error
        }
    }
}

/// Applies YAML and `--set` arguments to a configuration, and records the origin of each value.
struct ConfigurationReader {
    var configuration = Configuration()
    /// The origin of the value of each key path; absent for defaults.
    private(set) var places: [ExactText: String] = [:]
    /// The key paths that `--set` arguments have set.
    private var argumentKeys: Set<ExactText> = []

    /// Applies a whole file.
    mutating func apply(_ bytes: [UInt8], name: String) throws(Failure) {
        let source = YAMLSource.file(name)
        let root = try YAMLReader.document(try Self.text(of: bytes, name), from: source)
        guard case .mapping(let entries) = root.content else {
            throw Self.mismatch(source.place(of: root.mark), nil, root.description, Self.allowedSections)
        }
        for entry in entries {
            if let key = Self.key("", entry.key) {
                try set(key, to: entry.value, from: source)
            } else {
                try apply(section: entry, from: source)
            }
        }
    }

    /// The UTF-8 text of a file's bytes.
    private static func text(of bytes: [UInt8], _ name: String) throws(Failure) -> [UInt8] {
        do throws(Failure) {
            var reader = try TextReader(bytes: bytes, name: printable(name, limit: 4096), allowsEmpty: true)
            return try reader.rest()
        } catch {
            throw Failure(.usage, error.message)
        }
    }

    /// Applies `KEY.PATH=VALUE`.
    mutating func apply(set text: String) throws(Failure) {
        let place = "--set \(text)"
        let source = YAMLSource.argument(place)
        guard let (path, value) = text.exactHalves(at: "="), !path.isEmpty else {
            throw Failure(
                .usage, "\(printable(place)): found no KEY=; allowed: KEY.PATH=VALUE, such as model.layers=6")
        }
        guard let key = Configuration.keys.first(where: { $0.path.exact == path.exact }) else {
            if Self.sections.contains(path) {
                throw Failure(
                    .usage, "\(printable(place)): \(path) is a section; allowed: \(Self.list(Self.paths(in: path)))")
            }
            throw Self.unknown(path, in: path.exactHalves(at: ".")?.before ?? "", printable(place))
        }
        let node =
            if key.isText || value.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) {
                YAMLNode(
                    content: .scalar(
                        value, isPlain: value.isEmpty || (key.mayBeNull && ["null", "~"].containsExactly(value))))
            } else {
                try YAMLReader.document(Array(value.utf8), from: source)
            }
        try set(key, to: node, from: source)
        argumentKeys.insert(path.exact)
    }

    /// Fits the defaults to the given values and checks the result.
    ///
    /// - Parameters:
    ///   - note: Called with a message for each value of a file that was fitted to `--set`.
    ///   - tolerates: Whether a key without effect is accepted because a run has recorded it; earlier versions accepted
    ///     such keys.
    /// - Throws: `usage` for the first check that fails.
    func checked(
        noting note: (String) -> Void = { _ in },
        tolerating tolerates: (_ unread: ConfigurationKey<Configuration>, Failure) -> Bool = { _, _ in false }
    ) throws(Failure) -> Configuration {
        var configuration = configuration
        for standard in FittedDefault.all {
            let place = places[standard.key.exact]
            let yields =
                !argumentKeys.contains(standard.key.exact)
                && standard.governor.map { argumentKeys.contains($0.exact) } == true
            guard place == nil || yields, let key = Configuration.keys.first(where: { $0.path == standard.key }),
                configuration.reads(key)
            else { continue }
            let before = key.text(configuration)
            standard.fit(&configuration)
            guard let place, let governor = standard.governor, key.text(configuration) != before else { continue }
            let reason = (try? configuration.value(of: governor)) ?? ""
            note(
                "\(key.path) is \(key.text(configuration)) instead of \(before) (\(place)), because --set \(governor) is "
                    + "\(reason).")
        }
        var tolerated: Set<ExactText> = []
        for check in ConfigurationCheck.all {
            guard let allowed = check.allowed(configuration),
                let key = Configuration.keys.first(where: { $0.path == check.key })
            else { continue }
            let found = key.text(configuration)
            let isDefault = places[check.key.exact] == nil
            // The default of a key without effect needs no check.
            if isDefault, !configuration.reads(key) { continue }
            // If the reported key has its default, the error is attributed to a key that was set.
            let place = ([check.key] + check.others).lazy.compactMap { places[$0.exact] }.first ?? "default"
            let failure = Failure(
                .usage,
                "\(place): \(check.key): found \(found)\(isDefault ? " (the default)" : ""); allowed: \(allowed)")
            guard !configuration.reads(key), tolerates(key, failure) else { throw failure }
            tolerated.insert(key.path.exact)
        }
        for key in configuration.unreadKeys where !tolerated.contains(key.path.exact) {
            let allowed = ConfigurationCheck.unread(key, in: configuration)
            let place = places[key.path.exact] ?? "default"
            let failure = Failure(
                .usage, "\(place): \(key.path): found \(key.text(configuration)); allowed: \(allowed)")
            if !tolerates(key, failure) { throw failure }
        }
        return configuration
    }

    /// The configuration of the run in the run directory; nil if there is none.
    fileprivate func recorded() -> Configuration? {
        let path = RunDirectory(configuration.run.directory).configuration
        guard let bytes = try? FileSystem.contents(of: path, limitBytes: YAMLReader.limitBytes) else { return nil }
        return try? Configuration.parse(bytes, name: path, isRecorded: true)
    }

    private mutating func apply(section entry: YAMLNode.Entry, from source: YAMLSource) throws(Failure) {
        guard Self.sections.contains(entry.key) else {
            throw Self.unknown(entry.key, in: "", source.place(of: entry.mark))
        }
        guard case .mapping(let entries) = entry.value.content else {
            let allowed = "a mapping of \(Self.list(Self.names(in: entry.key)))"
            throw Self.mismatch(source.place(of: entry.value.mark), entry.key, entry.value.description, allowed)
        }
        for inner in entries {
            guard let key = Self.key(entry.key, inner.key) else {
                throw Self.unknown("\(entry.key).\(inner.key)", in: entry.key, source.place(of: inner.mark))
            }
            try set(key, to: inner.value, from: source)
        }
    }

    private mutating func set(
        _ key: ConfigurationKey<Configuration>, to node: YAMLNode, from source: YAMLSource
    ) throws(Failure) {
        do throws(ConfigurationMismatch) {
            try key.read(node, &configuration)
            places[key.path.exact] = source.place(of: node.mark)
        } catch {
            let nearest = error.nearest.map { "; the nearest is \($0)" } ?? ""
            let found = error.node.description + (error.lacks.map { " without \($0)" } ?? "")
            throw Self.mismatch(source.place(of: error.node.mark), key.path, found, key.allowed + nearest)
        }
    }
}

// Keys and messages.
extension ConfigurationReader {
    private static let sections = Configuration.keys.map(\.section).reduce(into: [String]()) { sections, section in
        if !section.isEmpty, sections.last != section { sections.append(section) }
    }

    /// The names that are allowed at the top level of a file.
    private static let tops = sections + names(in: "")

    private static let allowedSections = "a mapping of \(list(tops))"

    private static func key(_ section: String, _ name: String) -> ConfigurationKey<Configuration>? {
        Configuration.keys.first { $0.section.exact == section.exact && $0.name.exact == name.exact }
    }

    private static func names(in section: String) -> [String] {
        Configuration.keys.filter { $0.section == section }.map(\.name)
    }

    private static func paths(in section: String) -> [String] {
        Configuration.keys.filter { $0.section == section }.map(\.path)
    }

    private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    private static func mismatch(_ place: String, _ path: String?, _ found: String, _ allowed: String) -> Failure {
        Failure(.usage, "\(place): \(path.map { "\($0): " } ?? "")found \(found); allowed: \(allowed)")
    }

    /// The error for an unknown key path, with the key that was probably meant or the allowed keys.
    private static func unknown(_ path: String, in section: String, _ place: String) -> Failure {
        let isInside = sections.contains(section)
        let name = isInside ? path.withoutExactPrefix(section + ".") ?? path : path
        let known = isInside ? names(in: section) : tops
        // Only the last component is looked up: other programs have other sections.
        let last = path.exactParts(at: ".").last ?? path
        let namesakes = Configuration.keys.filter { $0.name == last && $0.path != path }.map(\.path)
        let hint =
            if let row = ForeignKeys.row(of: last) {
                "dtrain's key for it is \(row.key)\(row.note.map { " (\($0))" } ?? "")"
            } else if let key = Configuration.keys.first(where: { $0.path == path }) {
                "write \(key.name) inside the section \(key.section)"
            } else if !namesakes.isEmpty {
                "the nearest is \(namesakes.joined(separator: " or "))"
            } else if let sibling = nearestSpelling(to: name, among: known) {
                "the nearest is \(isInside ? "\(section).\(sibling)" : sibling)"
            } else if let near = nearestSpelling(to: path, among: isInside ? [] : Configuration.keys.map(\.path)) {
                "the nearest is \(near)"
            } else {
                "allowed\(isInside ? " in \(section)" : ""): \(list(known))"
            }
        return Failure(.usage, "\(place): unknown key \(path.isEmpty ? "\"\"" : printable(path)); \(hint)")
    }
}
