import Texts

/// A pattern of parameter names: `*` stands for any characters, `?` for one. A character is a Unicode scalar.
package struct NamePattern: Equatable, Sendable {
    /// The pattern as it was written.
    package let text: String
    private let characters: [Unicode.Scalar]

    /// The pattern `text`.
    package init(_ text: String) {
        self.text = text
        characters = Array(text.unicodeScalars)
    }

    /// Whether it stands for `name`, all of it.
    package func matches(_ name: String) -> Bool { distance(to: name) == 0 }

    /// How many characters of the pattern or the name must be changed, added or left out for it to stand for `name`.
    ///
    /// - Complexity: O(length of the pattern · length of the name).
    package func distance(to name: String) -> Int {
        let name = Array(name.unicodeScalars)
        // distances[j]: of the pattern so far to the first j characters.
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

    /// The `count` of `names` that are nearest to it, each kind of name once: a number in a name counts as any number.
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
