import Failures
import Tensors

/// The parameters of samples for word vectors.
package struct WordWindows: Equatable, Sendable {
    /// The largest distance of a word around a word.
    package let window: Int
    /// The number of noise words of each target.
    package let negatives: Int
    /// The share of the text above which a word is left out at random; 0: never.
    package let subsample: Double
    /// Whether a word is predicted from the words around it (CBOW), rather than each of them from the word (skip-gram).
    package let predictsCentre: Bool

    /// The number of random counters for the noise of a target: one for every two words.
    var countersOfNoise: Int { (negatives + 1) / 2 }

    /// Samples with the given parameters.
    package init(window: Int, negatives: Int, subsample: Double, predictsCentre: Bool) {
        self.window = window
        self.negatives = negatives
        self.subsample = subsample
        self.predictsCentre = predictsCentre
    }
}

/// Samples for word vectors: the words of a piece of text, each with the words around it.
///
/// Sample i covers T / (2 · window) tokens, whose pairs always fit into T positions. Special tokens and unknown words
/// are left out, and frequent words at random. Each remaining word has its own window, from 1 to `window` words on both
/// sides within the sample. With skip-gram, a position holds the word, and its target is a word around it; with CBOW,
/// consecutive positions hold the words around it, and the last of them has the word as its target.
///
/// - Source: Mikolov et al. 2013, arXiv:1310.4546, sections 2.2 and 2.3, and the released code, in which windows have
///   random sizes.
package final class WordSamples: Samples {
    package let count: Int
    package let shape: BatchShape
    private let stream: TokenStream
    private let windows: WordWindows
    private let vocabulary: WordFrequencies
    /// The number of tokens of a sample.
    private let span: Int
    private let words: UnsafeMutablePointer<Int32>
    /// The random words of a sample: two counters for each token, then those of the noise.
    private let random: UnsafeMutablePointer<SIMD4<UInt32>>
    /// The positions that have a target.
    private let predicting: UnsafeMutablePointer<Int>

    /// The samples of `stream`.
    ///
    /// - Parameters:
    ///   - contextLength: T, at least 2 · window.
    ///   - vocabulary: The frequencies of the words in the training split.
    /// - Throws: `badData` if the split has too few tokens for a sample.
    package init(
        _ stream: TokenStream, contextLength: Int, _ windows: WordWindows, _ vocabulary: WordFrequencies
    ) throws(Failure) {
        precondition(contextLength >= 2 * windows.window, "the pairs of a word fit into a sample")
        span = contextLength / (2 * windows.window)
        try stream.require(max(2, span), extra: 0)
        self.stream = stream
        self.windows = windows
        self.vocabulary = vocabulary
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        shape.noise = windows.negatives
        self.shape = shape
        count = (stream.tokenCount - 1) / span + 1
        words = .allocate(capacity: span)
        let counters = max(2 * span, contextLength * windows.countersOfNoise)
        random = .allocate(capacity: (counters + 7) / 8 * 8)
        predicting = .allocate(capacity: contextLength)
    }

    deinit {
        words.deallocate()
        random.deallocate()
        predicting.deallocate()
    }

    package func length(of sample: Int) -> Int { shape.positions }

    /// - Complexity: O(T · negatives); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        let read = min(span, stream.tokenCount - sample * span)
        try stream.read(at: sample * span, count: read, into: words)
        let stream = draw.stream(.wordWindows)
        // Counters: two for each token, then those of the noise.
        stream.fill(random, first: 0, count: 2 * read)
        var kept = 0
        for index in 0..<read where vocabulary.keeps(words[index], random[2 * index].uniform) {
            words[kept] = words[index]
            kept += 1
        }
        var (position, targets) = (0, 0)
        for centre in 0..<kept {
            let reach = 1 + Int(random[2 * centre + 1].x % UInt32(windows.window))
            let around = max(0, centre - reach)..<min(kept, centre + reach + 1)
            for other in around where other != centre {
                let isLast = other == around.upperBound - 1 || (other == centre - 1 && around.upperBound == centre + 1)
                let (token, target) =
                    windows.predictsCentre
                    ? (words[other], isLast ? words[centre] : joinedTarget) : (words[centre], words[other])
                row.fields.tokens![position] = token
                row.fields.classTargets![position] = target
                predicting[targets] = position
                if target != joinedTarget { targets += 1 }
                position += 1
            }
        }
        row.targetCount += targets
        stream.fill(random, first: UInt64(2 * read), count: targets * windows.countersOfNoise)
        vocabulary.drawNoise(
            UnsafeBufferPointer(start: predicting, count: targets), besides: row.fields.classTargets!,
            into: row.fields.noise!, windows, random)
        row.pad(from: position)
    }
}
