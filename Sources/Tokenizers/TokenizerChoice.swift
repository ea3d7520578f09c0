import Texts
import Failures

/// The tokenizer for a preparation.
package enum TokenizerChoice: Sendable {
    /// A byte tokenizer, with special tokens if the kind of dataset needs them.
    case byte
    /// A tokenizer of that many tokens, trained by SentencePiece on the training text.
    ///
    /// `coverage` is the fraction of the text whose characters get tokens; other characters are encoded as bytes. nil:
    /// almost all, or as many as fit.
    case learned(TokenizerAlgorithm, size: Int, coverage: Double? = nil)
    /// A SentencePiece model file.
    case model(String)
    /// An existing tokenizer.
    case made(any Tokenizer)

    /// Parses an option's value: `byte`, `bpe:SIZE`, `unigram:SIZE` or `FILE.model`.
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
