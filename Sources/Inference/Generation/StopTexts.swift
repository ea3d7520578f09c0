import Tokenizers

/// Stop sequences: a text ends before the first of them.
struct StopTexts {
    private let stops: [[UInt8]]
    /// The length of the longest stop sequence in bytes.
    let longest: Int

    /// Creates stop sequences; empty ones are ignored.
    init(_ texts: [String]) {
        stops = texts.map { Array($0.utf8) }.filter { !$0.isEmpty }
        longest = stops.map(\.count).max() ?? 0
    }

    /// The offset of the first stop sequence in `bytes`; nil if there is none.
    func first(in bytes: [UInt8]) -> Int? {
        stops.compactMap { stop in bytes.indices.first { bytes[$0...].starts(with: stop) } }.min()
    }

    /// The bytes before the first stop sequence.
    func cut(_ bytes: [UInt8]) -> [UInt8] { first(in: bytes).map { Array(bytes[..<$0]) } ?? bytes }

    /// Whether the last of `tokens` completes a stop sequence, given that the tokens before it contain none.
    ///
    /// - Complexity: O(length of the longest stop sequence), if every token has bytes.
    func areReached(by tokens: [Int32], _ tokenizer: any Tokenizer) -> Bool {
        guard longest > 0, let last = tokens.last else { return false }
        // One token more than necessary: decoding may drop a space at the start of the text.
        let needed = longest + tokenizer.decode([last]).count + 1
        var count = min(tokens.count, longest + 1)
        while true {
            let bytes = tokenizer.decode(Array(tokens.suffix(count)))
            if bytes.count >= needed || count == tokens.count { return first(in: bytes) != nil }
            count = min(tokens.count, 2 * count)
        }
    }
}
