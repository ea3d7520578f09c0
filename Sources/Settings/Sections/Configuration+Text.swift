import Failures
import Texts

extension Configuration {
    /// A key whose values differ between two configurations, both as YAML.
    package struct Difference: Equatable, Sendable {
        /// The key's path, such as `model.heads`.
        package let key: String
        /// The value of the configuration that was asked.
        package let value: String
        /// The value of the other one.
        package let other: String
    }

    /// The configuration with every default spelled out, in one order; `parse` makes the same configuration of it.
    package var resolvedYAML: String {
        var text = "", section = ""
        for key in Self.keys {
            if key.section != section, !key.section.isEmpty { text += "\(key.section):\n" }
            section = key.section
            text += "\(section.isEmpty ? "" : "  ")\(key.name): \(key.text(self))\n"
        }
        return text
    }

    /// The value of the key `path`, such as `run.directory`; text comes without quotes.
    ///
    /// - Throws: `usage` for a key that there is not, with the nearest one.
    package func value(of path: String) throws(Failure) -> String {
        guard let key = Self.keys.first(where: { $0.path == path }) else {
            let nearest = nearestSpelling(to: path, among: Self.keys.map(\.path)).map { "; did you mean \($0)?" } ?? "."
            throw Failure(.usage, "--show \(path): there is no such key\(nearest)")
        }
        return key.plain(self)
    }

    /// The paths of the keys that are called `name`, with or without their section; a dash stands for an underscore.
    package static func keyPaths(named name: String) -> [String] {
        let name = String(name.map { $0 == "-" ? "_" : $0 })
        return keys.filter { $0.path == name || $0.name == name }.map(\.path)
    }

    /// What all ranks of a job must have alike, a line a key: they take the same steps, evaluations and checkpoints
    /// together.
    ///
    /// Directories are not in it, which each host may name in its own way; the dataset has a digest of its own.
    package var commonLines: [String] {
        Self.keys.filter { $0.name != "directory" }.map { "\($0.path) is \($0.text(self))" }
    }

    /// Every key that `other` has another value for.
    package func differences(from other: Configuration) -> [Difference] { differences(from: other, in: Self.keys) }

    /// The keys that `other` has another value for and that change the numbers of a run. A key that neither of them reads does
    /// not count.
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
