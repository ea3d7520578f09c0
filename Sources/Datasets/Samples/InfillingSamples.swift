import Failures
import Glibc
import Tensors

/// Samples for blank infilling: a text in which each of K spans is replaced by a mask token, followed by the spans in
/// random order, to be predicted token by token.
///
/// Part A, the text with blanks, is the prefix with bidirectional attention. Part B consists, for each span, of a start
/// token and the span's tokens; the targets are the span's tokens and an end token. Every position in part B has the
/// position ID of its span's mask token, and a second ID for the position within the span. A sample of T positions
/// holds N = T − 2·K tokens of the split.
///
/// - Source: Du et al. 2022 (GLM), arXiv:2103.10360, sections 2.1 and 2.2.
package final class InfillingSamples: Samples {
    /// The special tokens of infilling.
    package struct Marks: Sendable {
        let mask: Int32
        let start: Int32
        let end: Int32

        /// The mask token in part A, and the start and end tokens of the spans in part B.
        package init(mask: Int32, start: Int32, end: Int32) {
            self.mask = mask
            self.start = start
            self.end = end
        }
    }

    package let count: Int
    package let shape: BatchShape
    private let stream: TokenStream
    private let marks: Marks
    private let meanLength: Double
    private let spanCount: Int
    private let windowLength: Int
    /// The maximum number of masked tokens per sample.
    private let hiddenLimit: Int
    private let window: UnsafeMutablePointer<Int32>
    /// For each span its length, its first token, the position of its mask in part A, and the order of the spans in
    /// part B.
    private let lengths: UnsafeMutablePointer<Int>
    private let firsts: UnsafeMutablePointer<Int>
    private let gaps: UnsafeMutablePointer<Int>
    private let order: UnsafeMutablePointer<Int>

    /// The samples of `stream`.
    ///
    /// - Parameters:
    ///   - share: The approximate fraction of tokens to mask.
    ///   - meanLength: The mean length of a span; lengths follow a Poisson distribution.
    /// - Throws: The errors of `CausalSamples`.
    package init(
        _ stream: TokenStream, contextLength: Int, marks: Marks, share: Double, meanLength: Double
    ) throws(Failure) {
        let asked = share * Double(contextLength) / meanLength
        spanCount = max(1, Int(asked.rounded()))
        windowLength = contextLength - 2 * spanCount
        // Each span needs one masked token, one token between it and the next, and two added tokens.
        let most = (contextLength - 1) / 4
        guard spanCount <= most else {
            throw Failure(
                .usage,
                most < 1
                    ? "data.context_length is \(contextLength); a sample with a span needs at least 5."
                    : "objective.mask_share: found \(share); data.context_length \(contextLength) allows at most \(most) "
                        + "spans, not \(spanCount). Lower objective.mask_share, or raise objective.span_length "
                        + "(\(meanLength)).")
        }
        try stream.require(contextLength, extra: -2 * spanCount)
        self.stream = stream
        self.marks = marks
        self.meanLength = meanLength
        hiddenLimit = windowLength - spanCount - 1
        var shape = BatchShape(positions: contextLength)
        shape.hasLengths = true
        shape.hasPrefixes = true
        self.shape = shape
        // An incomplete last window is dropped.
        count = stream.tokenCount / windowLength
        window = .allocate(capacity: windowLength)
        lengths = .allocate(capacity: spanCount)
        firsts = .allocate(capacity: spanCount)
        gaps = .allocate(capacity: spanCount + 1)
        order = .allocate(capacity: spanCount)
    }

    deinit {
        window.deallocate()
        lengths.deallocate()
        firsts.deallocate()
        gaps.deallocate()
        order.deallocate()
    }

    package func length(of sample: Int) -> Int { shape.positions }

    /// - Complexity: O(T); allocates nothing.
    package func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        precondition(sample >= 0 && sample < count, "sample outside the split")
        try stream.read(at: sample * windowLength, count: windowLength, into: window)
        chooseSpans(draw.stream(.masking))

        // Part A: the text with blanks.
        var position = 0
        var read = 0
        for span in 0..<spanCount {
            while read < firsts[span] {
                put(window[read], target: ignoredTarget, positionID: position, spanPositionID: 0, &position, row)
                read += 1
            }
            gaps[span] = position
            put(marks.mask, target: ignoredTarget, positionID: position, spanPositionID: 0, &position, row)
            read += lengths[span]
        }
        while read < windowLength {
            put(window[read], target: ignoredTarget, positionID: position, spanPositionID: 0, &position, row)
            read += 1
        }
        row.prefixLength = position

        // Part B: the spans.
        for index in 0..<spanCount {
            let span = order[index]
            let (first, length) = (firsts[span], lengths[span])
            for offset in 0...length {
                put(
                    offset == 0 ? marks.start : window[first + offset - 1],
                    target: offset == length ? marks.end : window[first + offset], positionID: gaps[span],
                    spanPositionID: offset + 1, &position, row)
            }
        }
        row.targetCount = position - row.prefixLength
        row.pad(from: position)
    }

    private func put(
        _ token: Int32, target: Int32, positionID: Int, spanPositionID: Int, _ position: inout Int, _ row: SampleRow
    ) {
        row.fields.tokens![position] = token
        row.fields.classTargets![position] = target
        row.fields.positionIDs![position] = Int32(positionID)
        row.fields.spanPositionIDs![position] = Int32(spanPositionID)
        position += 1
    }

    /// Draws the lengths of the spans, their positions, and their order in part B.
    private func chooseSpans(_ random: RandomStream) {
        var counter: UInt64 = 0
        func uniform() -> Double {
            counter += 1
            return random.uniform(counter)
        }
        var hidden = 0
        for span in 0..<spanCount {
            // Each later span needs at least one token.
            let most = hiddenLimit - hidden - (spanCount - 1 - span)
            lengths[span] = max(1, min(most, poisson(uniform)))
            hidden += lengths[span]
        }
        // Distributes the remaining unmasked tokens among the gaps before, between and after the spans; all
        // arrangements are equally probable.
        var free = windowLength - hidden - (spanCount - 1)
        for gap in 0...spanCount { gaps[gap] = 0 }
        for gap in 0...spanCount {
            let spansLeft = Double(spanCount - gap)
            while free > 0, uniform() * (Double(free) + spansLeft) >= spansLeft {
                gaps[gap] += 1
                free -= 1
            }
        }
        var place = gaps[0]
        for span in 0..<spanCount {
            firsts[span] = place
            place += lengths[span] + 1 + gaps[span + 1]
            order[span] = span
        }
        for span in (1..<max(1, spanCount)).reversed() {
            let other = Int(uniform() * Double(span + 1))
            (order[span], order[other]) = (order[other], order[span])
        }
    }

    /// A sample of the Poisson distribution with the mean span length (Knuth's algorithm).
    private func poisson(_ uniform: () -> Double) -> Int {
        let limit = exp(-meanLength)
        var product = uniform()
        var value = 0
        while product > limit {
            product *= uniform()
            value += 1
        }
        return value
    }
}
