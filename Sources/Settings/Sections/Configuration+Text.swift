import Texts
import Failures

extension Configuration {
    /// A key whose value differs between two configurations; both values are YAML.
    package struct Difference: Equatable, Sendable {
        /// The key's path, such as `model.heads`.
        package let key: String
        /// The value in this configuration.
        package let value: String
        /// The value in the other configuration.
        package let other: String
    }

    /// A key and the values that can be listed, for the completion of command lines.
    package struct KeyValues: Sendable {
        /// The key's path, such as `model.family`.
        package let path: String
        /// All allowed values, if they are words; otherwise empty.
        package let words: [String]
        /// Whether the value is the path of a directory, as are all texts of a configuration.
        package let isDirectory: Bool
    }

    /// All keys, in the order in which they are written.
    package static var keyValues: [KeyValues] {
        keys.map { KeyValues(path: $0.path, words: $0.words, isDirectory: $0.isText) }
    }

    /// The configuration as YAML with every key, in a fixed order; `parse` returns the same configuration.
    package var resolvedYAML: String {
        var text = "", section = ""
        for key in Self.keys {
            if key.section != section, !key.section.isEmpty { text += "\(key.section):\n" }
            section = key.section
            text += "\(section.isEmpty ? "" : "  ")\(key.name): \(key.text(self))\n"
        }
        return text
    }

    /// The value of the key `path`, such as `run.directory`; text is not quoted.
    ///
    /// - Throws: `usage` for an unknown key, with the most similar one.
    package func value(of path: String) throws(Failure) -> String {
        guard let key = Self.keys.first(where: { $0.path == path }) else {
            let nearest = nearestSpelling(to: path, among: Self.keys.map(\.path)).map { "; did you mean \($0)?" } ?? "."
            throw Failure(.usage, "--show \(path): there is no such key\(nearest)")
        }
        return key.plain(self)
    }

    /// The keys with the name or path `name`, or else the key that corresponds to this name of another trainer; dashes
    /// match underscores. `note` states how the values of such a key differ.
    package static func keys(meantBy name: String) -> [(path: String, note: String?)] {
        let own = String(name.map { $0 == "-" ? "_" : $0 })
        let found = keys.filter { $0.path == own || $0.name == own }.map { (path: $0.path, note: nil as String?) }
        return found.isEmpty ? ForeignKeys.row(of: name).map { [($0.key, $0.note)] } ?? [] : found
    }

    /// The values that must be equal on all ranks of a job, one line per key, because ranks step, evaluate and save
    /// together.
    ///
    /// Directories are excluded: each host may have its own paths, and the dataset is compared by its digest.
    package var commonLines: [String] {
        Self.keys.filter { $0.name != "directory" }.map { "\($0.path) is \($0.text(self))" }
    }

    /// The keys for which `other` has a different value.
    package func differences(from other: Configuration) -> [Difference] { differences(from: other, in: Self.keys) }

    /// The keys for which `other` has a different value that changes the numerical results. Keys that have an effect in
    /// neither configuration are excluded.
    package func trajectoryDifferences(from other: Configuration) -> [Difference] {
        differences(from: other, in: Self.keys.filter(\.affectsTrajectory)).filter { difference in
            Self.keys.contains { $0.path == difference.key && (reads($0) || other.reads($0)) }
        }
    }

    private func differences(from other: Configuration, in keys: [ConfigurationKey<Configuration>]) -> [Difference] {
        keys.compactMap { key in
            let (value, otherValue) = (key.text(self), key.text(other))
            return value.exact == otherValue.exact ? nil : Difference(key: key.path, value: value, other: otherValue)
        }
    }
}
