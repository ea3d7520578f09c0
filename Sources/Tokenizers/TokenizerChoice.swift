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
    /// A byte-level BPE tokenizer of that many tokens, trained on the training text.
    case byteLevel(size: Int)
    /// A tokenizer of at most that many tokens for the most frequent words of the training text.
    case words(size: Int)
    /// The path of a file that `TokenizerSource` reads.
    case file(String)
    /// An existing tokenizer.
    case made(any Tokenizer)

    /// Whether the tokenizer is trained on the text.
    package var isLearned: Bool {
        switch self {
        case .learned, .byteLevel, .words: true
        case .byte, .file, .made: false
        }
    }

    /// An empty sample of a text of about `totalBytes`, on which the tokenizer can be trained.
    package func sample(totalBytes: Int, limitBytes: Int) -> TextSample {
        let keepsLineBreaks =
            switch self {
            case .byteLevel, .words: true
            case .byte, .learned, .file, .made: false
            }
        return TextSample(totalBytes: totalBytes, limitBytes: limitBytes, keepsLineBreaks: keepsLineBreaks)
    }

    /// Parses an option's value: `byte`, `bpe:SIZE`, `unigram:SIZE`, `bytebpe:SIZE`, `word:SIZE` or the path of a
    /// tokenizer.
    ///
    /// - Throws: `usage` for anything else.
    package init(parsing text: String) throws(Failure) {
        let parts = text.exactParts(at: ":", maxSplits: 1)
        if text == "byte" {
            self = .byte
        } else if case let algorithm = TokenizerAlgorithm(rawValue: parts[0]),
            algorithm != nil || parts[0] == "bytebpe"
                || parts[0] == "word"
        {
            guard parts.count == 2, let size = Int32(parts[1]), size > 0, size <= 1 << 24 else {
                throw Failure(
                    .usage,
                    "--tokenizer: found \(text); \(parts[0]) needs its number of tokens, from 1 to \(1 << 24), "
                        + "for example \(parts[0]):8000.")
            }
            self =
                algorithm.map { .learned($0, size: Int(size)) }
                ?? (parts[0] == "word" ? .words(size: Int(size)) : .byteLevel(size: Int(size)))
        } else if TokenizerSource.isPath(text) {
            self = .file(text)
        } else {
            throw Failure(
                .usage,
                "--tokenizer: found \(text); allowed: byte, bpe:SIZE, unigram:SIZE, bytebpe:SIZE, word:SIZE, or "
                    + "\(TokenizerSource.allowed).")
        }
    }
}
