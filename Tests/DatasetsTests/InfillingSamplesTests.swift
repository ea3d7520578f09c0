import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct InfillingSamplesTests {
    private let directory = TemporaryDirectory()
    private static let (mask, start, end): (Int32, Int32, Int32) = (1001, 1002, 1003)

    /// Samples of the tokens 1 ... count.
    private func samples(
        _ count: Int32, contextLength: Int, share: Double, meanLength: Double
    ) throws -> InfillingSamples {
        try InfillingSamples(
            directory.stream(Array(1...count)), contextLength: contextLength,
            marks: .init(mask: Self.mask, start: Self.start, end: Self.end), share: share, meanLength: meanLength)
    }

    private func draw(_ index: UInt64) -> SampleDraw { SampleDraw(index: index, isTraining: true, seed: 5) }

    /// A span of part B: the position of its mask token in part A, and its tokens.
    private struct Span: Equatable {
        let gap: Int
        let tokens: [Int32]
    }

    /// Splits a sample into parts A and B, and checks their layout as in the paper's figure 2.
    private func spans(_ sample: BatchContents, contextLength T: Int) throws -> [Span] {
        let prefix = Int(sample.prefixLengths[0])
        #expect(sample.lengths == [Int32(T)] && sample.inputs.count == T)
        // Part A: consecutive position IDs, no targets.
        #expect(Array(sample.positionIDs[..<prefix]) == (0..<Int32(prefix)).map { $0 })
        #expect(sample.spanPositionIDs[..<prefix].allSatisfy { $0 == 0 })
        #expect(sample.targets[..<prefix].allSatisfy { $0 == ignoredTarget })
        #expect(sample.targetCount == T - prefix)
        // Part B.
        var spans: [Span] = []
        var position = prefix
        while position < T {
            try #require(sample.inputs[position] == Self.start)
            let length = try #require(sample.targets[position...].firstIndex(of: Self.end)) - position
            let range = position...position + length
            #expect(Array(sample.spanPositionIDs[range]) == (1...Int32(length + 1)).map { $0 })
            #expect(Set(sample.positionIDs[range]).count == 1)
            let tokens = Array(sample.targets[range].dropLast())
            #expect(Array(sample.inputs[range].dropFirst()) == tokens)
            spans.append(Span(gap: Int(sample.positionIDs[position]), tokens: tokens))
            position += length + 1
        }
        return spans
    }

    /// Inserting the spans at their mask tokens gives the original text; no two spans are adjacent.
    @Test(arguments: [
        (16, 0.15, 3.0), (40, 0.3, 3), (64, 0.4, 2), (20, 0.5, 50), (9, 0.5, 3), (128, 0.15, 1), (5, 0.1, 3),
    ])
    func spansAndGapsRestoreTheText(contextLength T: Int, share: Double, meanLength: Double) throws {
        let samples = try samples(600, contextLength: T, share: share, meanLength: meanLength)
        let spanCount = max(1, Int((share * Double(T) / meanLength).rounded()))
        let windowLength = T - 2 * spanCount
        #expect(samples.count == 600 / windowLength)
        for place in 0..<UInt64(60) {
            let index = Int(place) % samples.count
            let sample = try samples.contents(index, draw(place))
            let spans = try spans(sample, contextLength: T)
            #expect(spans.count == spanCount && spans.allSatisfy { !$0.tokens.isEmpty })
            var text: [Int32] = []
            for (position, token) in sample.inputs[..<Int(sample.prefixLengths[0])].enumerated() {
                if token == Self.mask {
                    let own = spans.filter { $0.gap == position }
                    #expect(own.count == 1)
                    text += own.first?.tokens ?? []
                    #expect(position == 0 || sample.inputs[position - 1] != Self.mask)
                } else {
                    text.append(token)
                }
            }
            let first = Int32(index * windowLength)
            #expect(text == (first + 1...first + Int32(windowLength)).map { $0 }, "\(sample)")
        }
    }

    /// Lengths follow a Poisson distribution with zero replaced by one; all orders of part B occur, and blanks occur
    /// everywhere.
    @Test func spansHaveExpectedDistributions() throws {
        let samples = try samples(40_000, contextLength: 100, share: 0.09, meanLength: 3)
        var (lengths, orders, gaps) = ([Int: Int](), [[Int]: Int](), [Int]())
        for index in 0..<400 {
            let sample = try samples.contents(index, draw(UInt64(index)))
            let spans = try spans(sample, contextLength: 100)
            for span in spans { lengths[span.tokens.count, default: 0] += 1 }
            let sorted = spans.map(\.gap).sorted()
            orders[spans.map { sorted.firstIndex(of: $0.gap)! }, default: 0] += 1
            // The tenth of part A in which each blank is.
            gaps += sorted.map { 10 * $0 / Int(sample.prefixLengths[0]) }
        }
        // 1200 lengths; five standard deviations of the count for probability p are 173 · √(p (1 − p)).
        for (length, probability) in [(1, 0.0498 + 0.1494), (2, 0.2240), (3, 0.2240), (4, 0.1680), (5, 0.1008)] {
            let deviation = 173 * (probability * (1 - probability)).squareRoot()
            #expect(abs(Double(lengths[length, default: 0]) - 1200 * probability) < deviation, "\(lengths)")
        }
        // Six orders of three spans, about 67 each; five standard deviations are 37.
        #expect(orders.count == 6 && orders.values.allSatisfy { abs($0 - 67) < 37 }, "\(orders)")
        // 120 in each tenth; five standard deviations are 52.
        let tenths = (0..<10).map { tenth in gaps.count { $0 == tenth } }
        #expect(tenths.allSatisfy { abs($0 - 120) < 52 }, "\(tenths)")
    }

    @Test func spansAreRedrawnAtEveryReading() throws {
        let samples = try samples(600, contextLength: 60, share: 0.2, meanLength: 3)
        let readings = try (0..<6).map { try samples.contents(2, draw($0)).inputs }
        #expect(Set(readings).count == 6)
        #expect(try samples.contents(2, draw(0)).inputs == readings[0])
        let batches = EvaluationBatches(samples, sequencesPerBatch: 3, seed: 5)
        #expect(try batches.contents() == batches.contents())
        #expect(try batches.contents()[0].inputs[120..<180] != readings[2][...])
    }

    @Test func rejectsContextsTooShortForSpans() throws {
        // A span needs one masked token, two added tokens, and a token before or after it.
        #expect(try samples(600, contextLength: 5, share: 0.15, meanLength: 3).count == 200)
        expectFailure(.usage, "data.context_length is 4", "at least 5") {
            _ = try samples(600, contextLength: 4, share: 0.15, meanLength: 3)
        }
        // A longer context would have more spans, so it would not help.
        expectFailure(
            .usage, "objective.mask_share: found 0.5; data.context_length 50 allows at most 12 spans, not 25",
            "objective.span_length (1.0)"
        ) { _ = try samples(600, contextLength: 50, share: 0.5, meanLength: 1) }
        #expect(try samples(600, contextLength: 50, share: 0.24, meanLength: 1).count == 600 / 26)
        // A window is shorter than the context by the added tokens.
        #expect(try samples(14, contextLength: 16, share: 0.15, meanLength: 3).count == 1)
        expectFailure(.badData, "(train)", "13 tokens", "data.context_length 16 needs at least 14 tokens", "at most 13")
        {
            _ = try samples(13, contextLength: 16, share: 0.15, meanLength: 3)
        }
    }
}
