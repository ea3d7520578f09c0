import Texts
import Failures
import Tokenizers

/// Text with blanks, which users write as [MASK].
struct GapText {
    /// The text of a blank.
    static let mark = "[MASK]"
    private let tokenizer: any Tokenizer
    private let mask: Int32
    /// Whether the space between two words belongs to the token of the second one, as in SentencePiece: then the token
    /// that fills a blank contains the space.
    private let wordsBringSpaces: Bool
    /// The tokens of the text "a".
    private let letter: [Int32]

    /// Creates a converter that represents a blank by the token `mask`.
    init(_ tokenizer: any Tokenizer, mask: Int32) {
        self.tokenizer = tokenizer
        self.mask = mask
        letter = (try? tokenizer.encode("a")) ?? []
        wordsBringSpaces = tokenizer.decode(letter + letter) == Array("a a".utf8)
    }

    /// The tokens of `text`, and the positions of its blanks.
    func encode(_ text: String) throws(Failure) -> (tokens: [Int32], gaps: [Int]) {
        var tokens: [Int32] = []
        var gaps: [Int] = []
        let parts = parts(text)
        for (index, written) in parts.enumerated() {
            var part = written
            // The space before a blank belongs to the token that fills the blank, the space after it to the next word.
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

    /// The bytes of `tokens`, with blanks written as [MASK].
    func decode(_ tokens: [Int32]) -> [UInt8] {
        var state = DecodingState()
        var bytes: [UInt8] = []
        for token in tokens {
            if token == mask {
                if wordsBringSpaces, let last = bytes.last, last != UInt8(ascii: " ") {
                    bytes.append(UInt8(ascii: " "))
                }
                bytes += GapText.mark.utf8
                // Text after a mask is not at the start of the text, however the tokenizer decodes a mask.
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
