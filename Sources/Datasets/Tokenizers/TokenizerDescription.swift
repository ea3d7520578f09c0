import Failures
import Files

/// What a manifest says of a tokenizer: all that is needed to make it again.
package struct TokenizerDescription: Codable, Equatable, Sendable {
    /// The tokenizers that there are.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// One token a byte.
        case byte
        /// Unknown: the shards came without a manifest, and their tokens are numbers.
        case none
    }

    /// Which tokenizer it is.
    package var kind: Kind

    /// The description of a tokenizer of that kind.
    package init(kind: Kind) {
        self.kind = kind
    }

    /// Adds all that tells this tokenizer from another to `digest`.
    func update(_ digest: inout Digest) {
        digest.update(kind.rawValue)
    }
}

/// Makes the tokenizer that `description` describes, for a dataset of `vocabularySize` tokens.
///
/// - Throws: `badData` where that tokenizer has another vocabulary.
package func makeTokenizer(
    _ description: TokenizerDescription, vocabularySize: Int
) throws(Failure) -> any Tokenizer {
    let tokenizer: any Tokenizer =
        switch description.kind {
        case .byte: ByteTokenizer()
        case .none: NumberTokenizer(vocabularySize: vocabularySize)
        }
    guard tokenizer.vocabularySize == vocabularySize else {
        throw Failure(
            .badData,
            "The dataset has \(vocabularySize) tokens, its \(description.kind.rawValue) tokenizer has "
                + "\(tokenizer.vocabularySize). Prepare the dataset again.")
    }
    return tokenizer
}
