/// The IDs of the special tokens, each nil if the tokenizer does not have it.
///
/// SentencePiece tokenizers, and byte tokenizers with special tokens, have all of them except perhaps `unknown`, which
/// only tokenizers with unknown text have. The byte tokenizer of plain text has none.
package struct SpecialTokens: Codable, Equatable, Sendable {
    /// Padding.
    package var pad: Int32?
    /// Text for which the tokenizer has no token.
    package var unknown: Int32?
    /// The beginning of a sequence.
    package var bos: Int32?
    /// The end of a sequence, or of a document in a token stream.
    package var eos: Int32?
    /// A masked token.
    package var mask: Int32?
    /// A separator of two parts of a sequence.
    package var sep: Int32?
    /// The class token at the start of a sequence, which represents the whole.
    package var cls: Int32?

    /// No special tokens.
    package static let none = SpecialTokens()

    /// Assigns the IDs from `first` on to missing tokens, except `unknown`.
    ///
    /// - Returns: The next free ID.
    mutating func addMissing(from first: Int32) -> Int32 {
        var next = first
        for token in [\SpecialTokens.pad, \.bos, \.eos, \.mask, \.sep, \.cls] where self[keyPath: token] == nil {
            self[keyPath: token] = next
            next += 1
        }
        return next
    }

    /// The special tokens with those of `others` in their place, where it has them.
    func replaced(by others: SpecialTokens) -> SpecialTokens {
        var result = self
        for (_, token) in SpecialTokens.names {
            result[keyPath: token] = others[keyPath: token] ?? result[keyPath: token]
        }
        return result
    }

    /// The IDs of all special tokens.
    package var all: [Int32] { SpecialTokens.names.compactMap { self[keyPath: $0.token] } }

    /// The name of a token in a manifest, in angle brackets.
    func name(of token: Int32) -> [UInt8] {
        let name = SpecialTokens.names.first { self[keyPath: $0.token] == token }?.name
        return Array("<\(name ?? String(token))>".utf8)
    }

    /// The name of each token in a manifest.
    package static var names: [(name: String, token: WritableKeyPath<SpecialTokens, Int32?>)] {
        [
            ("pad", \.pad), ("unknown", \.unknown), ("bos", \.bos), ("eos", \.eos), ("mask", \.mask), ("sep", \.sep),
            ("cls", \.cls),
        ]
    }
}
