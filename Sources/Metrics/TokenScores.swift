import Glibc

/// The counts from which, together with the loss, the scores of a language model are computed. `values` are the number
/// of target tokens, the number predicted correctly, and the number of bytes of text that the targets represent.
package struct TokenCounts: AdditiveCounts {
    package var values: [Int64]

    /// The counts of a part of the data.
    ///
    /// - Parameters:
    ///   - targets: The number of target tokens, without padding.
    ///   - correct: The number of targets to which the model gave the highest probability.
    ///   - bytes: The length of their text in UTF-8 bytes; 0 if unknown.
    package init(targets: Int = 0, correct: Int = 0, bytes: Int = 0) {
        values = [Int64(targets), Int64(correct), Int64(bytes)]
    }

    /// The number of target tokens.
    package var targets: Int { Int(values[0]) }
    /// The number of targets that were predicted correctly.
    package var correct: Int { Int(values[1]) }
    /// The number of bytes of text.
    package var bytes: Int { Int(values[2]) }
}

/// The scores of a language model; NaN if there are no targets.
package struct TokenScores: Equatable, Sendable {
    /// The mean negative log-likelihood per token, in nats.
    package let nats: Double
    /// The exponential of `nats`.
    package let perplexity: Double
    /// The loss in bits per byte of text; nil if the number of bytes is unknown. It allows comparison of models with
    /// different tokenizers.
    package let bitsPerByte: Double?
    /// The fraction of targets that were predicted correctly.
    package let accuracy: Double
    /// The counts from which they are computed.
    package let counts: TokenCounts

    /// Computes the scores from the sum of the losses over all targets, in nats.
    package init(lossSum: Double, _ counts: TokenCounts) {
        self.counts = counts
        nats = lossSum / Double(counts.targets)
        perplexity = exp(nats)
        bitsPerByte = counts.bytes > 0 ? lossSum / M_LN2 / Double(counts.bytes) : nil
        accuracy = Double(counts.correct) / Double(counts.targets)
    }
}
