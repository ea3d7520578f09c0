import Failures
import Glibc
import Tensors

/// A split as samples of blank infilling: a text in which spans are replaced by a mask token each, and behind it the spans, in
/// random order, to be predicted token by token.
///
/// Part A, the text with its gaps, is the prefix that all positions see. Part B is for each span a start token and the span;
/// what is predicted is the span and an end token. Every position of part B stands at the place of its mask, and says its place
/// inside the span. A sample has T positions: N = T − 2·K tokens of the split for K spans.
///
/// - Source: Du et al. 2022 (GLM), arXiv:2103.10360, sections 2.1 and 2.2.
package final class InfillingSamples: Samples {
    /// The tokens that mark gaps and spans.
    package struct Marks: Sendable {
        let mask: Int32
        let start: Int32
        let end: Int32

        /// The mask in part A; the start of each span in part B, and the end that is predicted behind it.
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
    /// The most tokens that are hidden in a sample.
    private let hiddenLimit: Int
    private let window: UnsafeMutablePointer<Int32>
    /// For each span its length, its first token, its place in part A, and the order in which part B has them.
    private let lengths: UnsafeMutablePointer<Int>
    private let firsts: UnsafeMutablePointer<Int>
    private let gaps: UnsafeMutablePointer<Int>
    private let order: UnsafeMutablePointer<Int>

    /// The samples of `stream`.
    ///
    /// - Parameters:
    ///   - share: About the part of a sample's tokens that is hidden.
    ///   - meanLength: The mean length of a span; lengths follow Poisson's distribution.
    /// - Throws: As `CausalSamples`.
    package init(
        _ stream: TokenStream, contextLength: Int, marks: Marks, share: Double, meanLength: Double
    ) throws(Failure) {
        let asked = share * Double(contextLength) / meanLength
        spanCount = max(1, Int(asked.rounded()))
        windowLength = contextLength - 2 * spanCount
        // Every span hides a token at least and keeps one between itself and the next, and has two marks of its own.
        let most = (contextLength - 1) / 4
        guard spanCount <= most else {
            throw Failure(
                .usage,
                most < 1
                    ? "data.context_length is \(contextLength); a sample with a span needs at least 5."
                    : "objective.mask_share: found \(share); data.context_length \(contextLength) has room for \(most) "
                        + "spans, not for \(spanCount). Lower it, or raise objective.span_length (\(meanLength)).")
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
        // A last window that is too short for its spans is left out.
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

        // Part A.
        var position = 0
        var read = 0
        for span in 0..<spanCount {
            while read < firsts[span] {
                put(window[read], target: Batch.ignoredTarget, place: position, spanPlace: 0, &position, row)
                read += 1
            }
            gaps[span] = position
            put(marks.mask, target: Batch.ignoredTarget, place: position, spanPlace: 0, &position, row)
            read += lengths[span]
        }
        while read < windowLength {
            put(window[read], target: Batch.ignoredTarget, place: position, spanPlace: 0, &position, row)
            read += 1
        }
        row.prefix = position

        // Part B.
        for index in 0..<spanCount {
            let span = order[index]
            let (first, length) = (firsts[span], lengths[span])
            for offset in 0...length {
                put(
                    offset == 0 ? marks.start : window[first + offset - 1],
                    target: offset == length ? marks.end : window[first + offset], place: gaps[span],
                    spanPlace: offset + 1, &position, row)
            }
        }
        row.targetCount = position - row.prefix
        row.pad(from: position)
    }

    private func put(
        _ token: Int32, target: Int32, place: Int, spanPlace: Int, _ position: inout Int, _ row: SampleRow
    ) {
        row.tokens[position] = token
        row.targets[position] = target
        row.places[position] = Int32(place)
        row.spanPlaces[position] = Int32(spanPlace)
        position += 1
    }

    /// Draws the length of each span, the text between them, and the order of part B.
    private func chooseSpans(_ random: RandomStream) {
        var counter: UInt64 = 0
        func uniform() -> Double {
            counter += 1
            return random.uniform(counter)
        }
        var hidden = 0
        for span in 0..<spanCount {
            // Each span that is still to come needs a token.
            let most = hiddenLimit - hidden - (spanCount - 1 - span)
            lengths[span] = max(1, min(most, poisson(uniform)))
            hidden += lengths[span]
        }
        // The tokens left over beside those between spans, and the spans, stand in any order, each as likely as any other.
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

    /// A number of Poisson's distribution with the mean length (Knuth's product of uniform numbers).
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
