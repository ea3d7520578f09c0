import Texts

/// A pattern of parameter names: `*` matches any characters, `?` matches one. A character is a Unicode scalar.
package struct NamePattern: Equatable, Sendable {
    /// The source text of the pattern.
    package let text: String
    private let characters: [Unicode.Scalar]

    /// The pattern `text`.
    package init(_ text: String) {
        self.text = text
        characters = Array(text.unicodeScalars)
    }

    /// Returns whether the pattern matches all of `name`.
    package func matches(_ name: String) -> Bool { distance(to: name) == 0 }

    /// Returns the minimum number of characters to substitute, insert or delete so that the pattern matches `name`.
    ///
    /// - Complexity: O(length of the pattern · length of the name).
    package func distance(to name: String) -> Int {
        let name = Array(name.unicodeScalars)
        // distances[j] is the distance from the pattern's characters so far to the first j characters of the name.
        var distances = Array(0...name.count)
        for character in characters {
            let isStar = character == "*"
            var current = [isStar ? distances[0] : distances[0] + 1]
            for j in name.indices {
                let isSame = character == "?" || character == name[j]
                current.append(
                    isStar
                        ? min(distances[j + 1], current[j])
                        : min(distances[j + 1] + 1, current[j] + 1, distances[j] + (isSame ? 0 : 1)))
            }
            distances = current
        }
        return distances[name.count]
    }

    /// Returns the `count` names nearest to the pattern. Of names that differ only in their numeric components, such as
    /// block indices, only the first is considered.
    package func nearest(_ count: Int, among names: [String]) -> [String] {
        var kinds: Set<ExactText> = []
        let distinct = names.filter { name in
            let parts = name.exactParts(at: ".", omittingEmpty: true).map { Int($0) == nil ? $0 : "*" }
            return kinds.insert(parts.joined(separator: ".").exact).inserted
        }
        let ranked = distinct.enumerated().map { (distance: distance(to: $1), index: $0, name: $1) }
        return ranked.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }.prefix(count).map(\.name)
    }
}
