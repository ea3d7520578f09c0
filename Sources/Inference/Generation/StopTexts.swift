import Datasets
import Tokenizers

/// Texts that end a text: what stands before the first of them is kept.
struct StopTexts {
    private let stops: [[UInt8]]
    /// The bytes of the longest.
    let longest: Int

    /// Ends at any of `texts`; empty ones end nothing.
    init(_ texts: [String]) {
        stops = texts.map { Array($0.utf8) }.filter { !$0.isEmpty }
        longest = stops.map(\.count).max() ?? 0
    }

    /// Where the first of them begins in `bytes`; nil where there is none.
    func first(in bytes: [UInt8]) -> Int? {
        stops.compactMap { stop in bytes.indices.first { bytes[$0...].starts(with: stop) } }.min()
    }

    /// What stands before the first of them.
    func cut(_ bytes: [UInt8]) -> [UInt8] { first(in: bytes).map { Array(bytes[..<$0]) } ?? bytes }

    /// Whether one of them has come to its end with the last of `tokens`, where none had before.
    ///
    /// - Complexity: O(the longest), where every token has bytes.
    func areReached(by tokens: [Int32], _ tokenizer: any Tokenizer) -> Bool {
        guard longest > 0, let last = tokens.last else { return false }
        // A token more than is needed: at its beginning a decoded text may lose a space.
        let needed = longest + tokenizer.decode([last]).count + 1
        var count = min(tokens.count, longest + 1)
        while true {
            let bytes = tokenizer.decode(Array(tokens.suffix(count)))
            if bytes.count >= needed || count == tokens.count { return first(in: bytes) != nil }
            count = min(tokens.count, 2 * count)
        }
    }
}
