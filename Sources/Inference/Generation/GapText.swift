import Datasets
import Failures
import Texts
import Tokenizers

/// Text with gaps, which a person writes as [MASK].
struct GapText {
    /// What a person writes.
    static let mark = "[MASK]"
    private let tokenizer: any Tokenizer
    private let mask: Int32
    /// Whether the space between two words belongs to the second one's token, as SentencePiece has it: then the token in a gap
    /// brings its own.
    private let wordsBringSpaces: Bool
    /// The tokens of a text of one letter.
    private let letter: [Int32]

    /// Text whose gaps become the token `mask`.
    init(_ tokenizer: any Tokenizer, mask: Int32) {
        self.tokenizer = tokenizer
        self.mask = mask
        letter = (try? tokenizer.encode("a")) ?? []
        wordsBringSpaces = tokenizer.decode(letter + letter) == Array("a a".utf8)
    }

    /// The tokens of `text`, and the places of its gaps.
    func encode(_ text: String) throws(Failure) -> (tokens: [Int32], gaps: [Int]) {
        var tokens: [Int32] = []
        var gaps: [Int] = []
        let parts = parts(text)
        for (index, written) in parts.enumerated() {
            var part = written
            // One before a gap comes with what fills it, one behind it with the next word.
            if wordsBringSpaces, index > 0 { part = part.withoutExactPrefix(" ") ?? part }
            if wordsBringSpaces, index + 1 < parts.count { part = part.withoutExactSuffix(" ") ?? part }
            if index > 0 {
                gaps.append(tokens.count)
                tokens.append(mask)
            }
            tokens += try tokenizer.encode(part)
        }
        return (tokens, gaps)
    }

    /// The bytes of `tokens`, with gaps as a person writes them.
    func decode(_ tokens: [Int32]) -> [UInt8] {
        var state = DecodingState()
        var bytes: [UInt8] = []
        for token in tokens {
            if token == mask {
                if wordsBringSpaces, let last = bytes.last, last != UInt8(ascii: " ") {
                    bytes.append(UInt8(ascii: " "))
                }
                bytes += GapText.mark.utf8
                // What follows does not stand at the beginning of the text, whatever the tokenizer thinks of a mask.
                var unseen: [UInt8] = []
                for token in letter { tokenizer.decode(token, after: &state, appendingTo: &unseen) }
            }
            tokenizer.decode(token, after: &state, appendingTo: &bytes)
        }
        return bytes
    }

    private func parts(_ text: String) -> [String] {
        var parts: [[UInt8]] = [[]]
        var rest = Array(text.utf8)[...]
        let mark = Array(GapText.mark.utf8)
        while let byte = rest.first {
            if rest.starts(with: mark) {
                parts.append([])
                rest = rest.dropFirst(mark.count)
            } else {
                parts[parts.count - 1].append(byte)
                rest = rest.dropFirst()
            }
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}
