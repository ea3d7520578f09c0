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
    }

    deinit { words.deallocate() }

    package func length(of sample: Int) -> Int { shape.positions }

    /// - Complexity: O(T · negatives); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        let read = min(span, stream.tokenCount - sample * span)
        try stream.read(at: sample * span, count: read, into: words)
        let random = draw.stream(.wordWindows)
        // Counters: one for each token, then those of the noise.
        var kept = 0
        for index in 0..<read where vocabulary.keeps(words[index], random.uniform(UInt64(2 * index))) {
            words[kept] = words[index]
            kept += 1
        }
        var counter = UInt64(2 * read)
        var position = 0
        for centre in 0..<kept {
            let reach = 1 + Int(random.words(UInt64(2 * centre + 1)).x % UInt32(windows.window))
            let around = max(0, centre - reach)..<min(kept, centre + reach + 1)
            for other in around where other != centre {
                let isLast = other == around.upperBound - 1 || (other == centre - 1 && around.upperBound == centre + 1)
                let (token, target) =
                    windows.predictsCentre
                    ? (words[other], isLast ? words[centre] : joinedTarget) : (words[centre], words[other])
                row.fields.tokens![position] = token
                row.fields.classTargets![position] = target
                if target != joinedTarget {
                    row.targetCount += 1
                    drawNoise(besides: target, into: row.fields.noise! + position * windows.negatives, random, &counter)
                }
                position += 1
            }
        }
        row.pad(from: position)
    }

    /// Draws the noise words of a target; a word that is the target itself is ignored, as in the released code.
    private func drawNoise(
        besides target: Int32, into noise: UnsafeMutablePointer<Int32>, _ random: RandomStream, _ counter: inout UInt64
    ) {
        for place in stride(from: 0, to: windows.negatives, by: 2) {
            let four = random.words(counter)
            counter += 1
            noise[place] = vocabulary.noise(four.x, four.y)
            if place + 1 < windows.negatives { noise[place + 1] = vocabulary.noise(four.z, four.w) }
        }
        for place in 0..<windows.negatives where noise[place] == target { noise[place] = ignoredTarget }
    }
}
