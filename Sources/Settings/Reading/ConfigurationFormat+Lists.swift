import Failures

extension ConfigurationFormat<[String]> {
    /// A list of patterns of parameter names, or a single pattern.
    static var patterns: Self {
        list(
            of: .text, allowed: "a pattern of names, such as \"blocks.0.*\", or a list of patterns",
            examples: [[], ["*"], ["a"]])
    }

    /// A list of paths, or a single path.
    static var paths: Self {
        list(of: .path, allowed: "the path of a file, or a list of paths", examples: [[], ["a"], ["a", "b"]])
    }

    /// A list of texts of `format`, or a single one.
    private static func list(of format: ConfigurationFormat<String>, allowed: String, examples: [[String]]) -> Self {
        Self(allowed: allowed, examples: examples) { (node) throws(ConfigurationMismatch) in
            guard case .sequence(let elements) = node.content else { return [try format.decode(node)] }
            var texts: [String] = []
            for element in elements { texts.append(try format.decode(element)) }
            return texts
        } encode: {
            "[" + $0.map(format.encode).joined(separator: ", ") + "]"
        }
    }
}

extension ConfigurationFormat {
    /// A value of `format`, or null for nil.
    static func optional<Wrapped>(_ format: ConfigurationFormat<Wrapped>) -> Self where Value == Wrapped? {
        optional(format, nilWords: ["null", "~"])
    }

    /// A value of `format`, or `auto` for nil.
    static func automatic<Wrapped>(or format: ConfigurationFormat<Wrapped>) -> Self where Value == Wrapped? {
        optional(format, nilWords: ["auto"])
    }

    /// A value of `format`, or one of some words for nil, the first of which is written.
    private static func optional<Wrapped>(
        _ format: ConfigurationFormat<Wrapped>, nilWords: [String]
    ) -> Self where Value == Wrapped? {
        Self(allowed: "\(nilWords[0]), or " + format.allowed, examples: [nil] + format.examples) {
            (node) throws(ConfigurationMismatch) in
            if case .scalar(let text, isPlain: true) = node.content, nilWords.contains(text) { return nil }
            return try format.decode(node)
        } encode: {
            $0.map(format.encode) ?? nilWords[0]
        }
    }

    /// A mapping with entries of `keys`; entries that are absent keep the value of `usual`.
    static func mapping(of keys: [ConfigurationKey<Value>], _ usual: Value) -> Self where Value: Sendable {
        Self(allowed: "a mapping with any of {\(rows(keys))}", examples: [usual]) {
            (node) throws(ConfigurationMismatch) in
            guard case .mapping(let entries) = node.content else { throw ConfigurationMismatch(node: node) }
            return try read(entries, of: keys, usual)
        } encode: { value in
            "{" + keys.map { "\($0.name): \($0.text(value))" }.joined(separator: ", ") + "}"
        }
    }

    /// A list of mappings with entries of `keys`. Entries with the value of `usual` are omitted when written.
    ///
    /// - Parameter required: The key that every mapping must have.
    static func mappings<Element>(
        of keys: [ConfigurationKey<Element>], required: String, _ usual: Element
    ) -> Self where Value == [Element], Element: Sendable {
        Self(
            allowed: "a list of mappings, each with \(required) and any of the others of {\(rows(keys))}",
            examples: [[], [usual]]
        ) { (node) throws(ConfigurationMismatch) in
            guard case .sequence(let elements) = node.content else { throw ConfigurationMismatch(node: node) }
            var values: [Element] = []
            for element in elements {
                guard case .mapping(let entries) = element.content else { throw ConfigurationMismatch(node: element) }
                values.append(try read(entries, of: keys, usual))
                guard entries.contains(where: { $0.key == required }) else {
                    throw ConfigurationMismatch(node: element, lacks: required)
                }
            }
            return values
        } encode: {
            let texts = $0.map { value in
                let entries = keys.filter { $0.name == required || $0.text(value) != $0.text(usual) }
                return "{" + entries.map { "\($0.name): \($0.text(value))" }.joined(separator: ", ") + "}"
            }
            return "[" + texts.joined(separator: ", ") + "]"
        }
    }
}

/// The keys of a mapping with their allowed values.
private func rows<Section>(_ keys: [ConfigurationKey<Section>]) -> String {
    keys.map { "\($0.name): \($0.allowed)" }.joined(separator: "; ")
}

/// Reads the entries of a mapping into a copy of `usual`.
private func read<Section>(
    _ entries: [YAMLNode.Entry], of keys: [ConfigurationKey<Section>], _ usual: Section
) throws(ConfigurationMismatch) -> Section {
    let names = keys.map(\.name)
    var value = usual
    for entry in entries {
        guard let key = keys.first(where: { $0.name == entry.key }) else {
            throw ConfigurationMismatch(
                node: YAMLNode(content: .scalar(entry.key, isPlain: true), mark: entry.mark),
                nearest: ForeignKeys.groupRows.first {
                    $0.names.contains(entry.key) && names.contains($0.key)
                }?.key
                    ?? nearestSpelling(to: entry.key, among: names))
        }
        try key.read(entry.value, &value)
    }
    return value
}
