/// The tokens that stand for no text, each nil where the tokenizer has none.
///
/// A tokenizer of SentencePiece and a byte tokenizer with special tokens have all of them, but for `unknown`, which is
/// only there where some text is. The byte tokenizer of plain text has none.
package struct SpecialTokens: Codable, Equatable, Sendable {
    /// Fills a row up to the length of the longest; counts for nothing.
    package var pad: Int32?
    /// Text that the tokenizer has no token for.
    package var unknown: Int32?
    /// Begins a sequence.
    package var bos: Int32?
    /// Ends a sequence, and a document in a stream of them.
    package var eos: Int32?
    /// Stands where a token was taken out.
    package var mask: Int32?
    /// Separates two parts of a sequence.
    package var sep: Int32?
    /// Stands for the whole sequence, as its first token.
    package var cls: Int32?

    /// No special token.
    package static let none = SpecialTokens()

    /// Gives those that are missing, `unknown` aside, the numbers from `first` on.
    ///
    /// - Returns: The first number after them.
    mutating func addMissing(from first: Int32) -> Int32 {
        var next = first
        for token in [\SpecialTokens.pad, \.bos, \.eos, \.mask, \.sep, \.cls] where self[keyPath: token] == nil {
            self[keyPath: token] = next
            next += 1
        }
        return next
    }

    /// All that there are.
    package var all: [Int32] { SpecialTokens.names.compactMap { self[keyPath: $0.token] } }

    /// What a manifest calls each.
    package static var names: [(name: String, token: WritableKeyPath<SpecialTokens, Int32?>)] {
        [
            ("pad", \.pad), ("unknown", \.unknown), ("bos", \.bos), ("eos", \.eos), ("mask", \.mask), ("sep", \.sep),
            ("cls", \.cls),
        ]
    }
}
