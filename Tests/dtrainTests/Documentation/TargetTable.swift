/// The targets of a package as rows of a Markdown table: each with its level and the dependencies that no other
/// dependency implies.
struct TargetTable {
    /// The lines of the table, from the lowest level up.
    let lines: [String]
    /// The direct dependencies of each target.
    private let dependencies: [String: [String]]

    /// Reads the targets in the text of a Package.swift; those of tests are left out.
    init(package: String) {
        var dependencies: [String: [String]] = [:]
        for kind in [".systemLibrary(", ".executableTarget(", ".target("] {
            for text in package.parts(at: kind).dropFirst() {
                let declaration = TargetTable.parenthesized(text)
                guard let name = TargetTable.strings(after: "name:", until: ",", in: declaration).first,
                    dependencies[name] == nil, !declaration.contains("path: \"Tests")
                else { continue }
                dependencies[name] = TargetTable.strings(after: "dependencies:", until: "]", in: declaration)
            }
        }
        var levels: [String: Int] = [:]
        func level(_ name: String) -> Int {
            if let known = levels[name] { return known }
            let level = (dependencies[name] ?? []).map { level($0) + 1 }.max() ?? 0
            levels[name] = level
            return level
        }
        func depends(_ name: String, on other: String) -> Bool {
            (dependencies[name] ?? []).contains { $0 == other || depends($0, on: other) }
        }
        let rows = dependencies.keys.sorted { (level($0), $0) < (level($1), $1) }.map { name in
            let all = dependencies[name, default: []].sorted()
            let below = all.filter { dependency in !all.contains { depends($0, on: dependency) } }
            let names = below.map { "`\($0)`" }.joined(separator: ", ")
            return "| \(level(name)) | `\(name)` | \(names) |"
        }
        self.dependencies = dependencies
        lines = ["| level | target | builds on |", "| ---: | --- | --- |"] + rows
    }

    /// The targets that `name` is built on, directly or not.
    func targets(below name: String) -> Set<String> {
        dependencies[name, default: []].reduce(into: []) { $0.formUnion(targets(below: $1).union([$1])) }
    }

    /// The text up to the parenthesis that closes the one before it.
    private static func parenthesized(_ text: String) -> String {
        var depth = 1
        return String(
            text.prefix { character in
                if character == "(" { depth += 1 } else if character == ")" { depth -= 1 }
                return depth > 0
            })
    }

    /// The string literals between two marks.
    private static func strings(after mark: String, until end: String, in text: String) -> [String] {
        let parts = text.parts(at: mark, maxSplits: 1)
        guard parts.count == 2, let list = parts[1].parts(at: end).first else { return [] }
        return list.parts(at: "\"").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }
}
