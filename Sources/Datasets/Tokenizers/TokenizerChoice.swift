import Failures
import Texts

/// Which tokenizer a dataset is to be prepared with.
package enum TokenizerChoice: Sendable {
    /// One token a byte, and special tokens where the kind of dataset needs them.
    case byte
    /// One that SentencePiece learns from the training text, with that many tokens.
    ///
    /// At most the characters that are `coverage` of the text get tokens, the others are written as bytes; nil: almost all,
    /// or as many as there is room for.
    case learned(TokenizerAlgorithm, size: Int, coverage: Double? = nil)
    /// A file that SentencePiece wrote.
    case model(String)
    /// One that exists already.
    case made(any Tokenizer)

    /// What a person writes: `byte`, `bpe:SIZE`, `unigram:SIZE` or `FILE.model`.
    ///
    /// - Throws: `usage` for anything else.
    package init(parsing text: String) throws(Failure) {
        let parts = text.exactParts(at: ":", maxSplits: 1)
        if text == "byte" {
            self = .byte
        } else if let algorithm = TokenizerAlgorithm(rawValue: parts[0]) {
            guard parts.count == 2, let size = Int32(parts[1]), size > 0, size <= 1 << 24 else {
                throw Failure(
                    .usage,
                    "--tokenizer: found \(text); \(algorithm.rawValue) needs its number of tokens, from 1 to \(1 << 24), "
                        + "for example \(algorithm.rawValue):8000.")
            }
            self = .learned(algorithm, size: Int(size))
        } else if text.hasExactSuffix(".model") {
            self = .model(text)
        } else {
            throw Failure(
                .usage, "--tokenizer: found \(text); allowed: byte, bpe:SIZE, unigram:SIZE, or a FILE.model.")
        }
    }
}
