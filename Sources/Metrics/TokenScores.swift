import Glibc

/// What the scores of a language model have to know besides its loss. `values` are targets, those of them predicted
/// right, and the bytes of text that they stand for.
package struct TokenCounts: AdditiveCounts {
    package var values: [Int64]

    /// Counts of a part of the data.
    ///
    /// - Parameters:
    ///   - targets: Tokens to predict, without padding.
    ///   - correct: Those of them that the model held for the likeliest.
    ///   - bytes: The length of their text in UTF-8; 0 where nobody knows it.
    package init(targets: Int = 0, correct: Int = 0, bytes: Int = 0) {
        values = [Int64(targets), Int64(correct), Int64(bytes)]
    }

    /// Tokens to predict.
    package var targets: Int { Int(values[0]) }
    /// Tokens predicted right.
    package var correct: Int { Int(values[1]) }
    /// Bytes of text.
    package var bytes: Int { Int(values[2]) }
}

/// The scores of a language model, not a number where there are no targets.
package struct TokenScores: Equatable, Sendable {
    /// The mean loss of a target, in nats.
    package let nats: Double
    /// e to the mean loss.
    package let perplexity: Double
    /// The loss of a byte of text, in bits; nil where nobody knows the bytes. Models with different tokenizers can be
    /// compared by it.
    package let bitsPerByte: Double?
    /// The share of targets that were predicted right.
    package let accuracy: Double

    /// Scores from the sum of all losses, in nats.
    package init(lossSum: Double, _ counts: TokenCounts) {
        nats = lossSum / Double(counts.targets)
        perplexity = exp(nats)
        bitsPerByte = counts.bytes > 0 ? lossSum / M_LN2 / Double(counts.bytes) : nil
        accuracy = Double(counts.correct) / Double(counts.targets)
    }
}
