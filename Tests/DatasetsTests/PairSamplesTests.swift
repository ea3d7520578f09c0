import TestSupport
import Testing

@testable import Datasets

/// The texts are encoded as bytes; 257 is the begin token, 258 the end token, 259 the mask token.
@Suite struct PairSamplesTests {
    private let directory = TemporaryDirectory()

    private func samples(
        _ sources: String, _ targets: String, contextLength: Int, truncates: Bool = false,
        _ augmentation: Augmentation = Augmentation()
    ) throws -> PairSamples {
        let dataset = try directory.prepareRecords(.parallel, sources, targets)
        let special = dataset.specialTokens
        return try PairSamples(
            dataset.records(.train), contextLength: contextLength, begin: #require(special.bos),
            end: #require(special.eos), truncates: truncates, noise: TokenNoise(augmentation, mask: special.mask))
    }

    @Test func addsBeginAndEndTokens() throws {
        let samples = try samples("abc\nd\n", "xy\nuvw\n", contextLength: 4)
        #expect((samples.count, samples.truncatedCount) == (2, 0))
        let read = try EvaluationBatches(samples, sequencesPerBatch: 2, seed: 1).contents()[0]
        #expect(read.sources == [97, 98, 99, 258, 100, 258, 0, 0])
        #expect(read.sourceLengths == [4, 2])
        #expect(read.inputs == [257, 120, 121, 0, 257, 117, 118, 119])
        #expect(read.targets == [120, 121, 258, -1, 117, 118, 119, 258])
        #expect(read.lengths == [3, 4])
        #expect(read.targetCount == 7)
    }

    /// A record counts as truncated once, whichever of its sides is too long.
    @Test func longPairsAreTruncatedOrRejected() throws {
        let (sources, targets) = ("abc\nabcd\nabcdef\nab\n", "xyz\nxy\nvwxyz\nwxyz\n")
        let whole = try samples(sources, targets, contextLength: 7)
        #expect(whole.truncatedCount == 0)
        let cut = try samples(sources, targets, contextLength: 4, truncates: true)
        #expect((cut.count, cut.truncatedCount) == (4, 3))
        let read = try cut.contents(2)
        #expect(read.sources == [97, 98, 99, 258] && read.sourceLengths == [4])
        #expect(read.inputs == [257, 118, 119, 120] && read.targets == [118, 119, 120, 258] && read.targetCount == 4)
        // The error names the first record that is too long, and the first of its columns that is.
        for (contextLength, record, column, tokens) in [(4, 2, "source", 4), (5, 3, "source", 6), (6, 3, "source", 6)] {
            expectFailure(
                .badData, "(train), record \(record): its \(column) has \(tokens) tokens",
                "data.context_length \(contextLength) allows at most \(contextLength - 1).", "data.truncate to true"
            ) { _ = try samples(sources, targets, contextLength: contextLength) }
        }
        expectFailure(.badData, "record 1: its target has 3 tokens") {
            _ = try samples("ab\n", "xyz\n", contextLength: 3)
        }
        expectFailure(.usage, "data.context_length is 1; at least 2") {
            _ = try samples("ab\n", "xyz\n", contextLength: 1, truncates: true)
        }
    }

    /// Sorts pairs by target length, then by source length.
    @Test func pairsAreOrderedByTargetThenSource() throws {
        let samples = try samples("a\nabcd\nab\nabcdef\n", "xy\nx\nxy\nwxyz\n", contextLength: 7)
        let order = (0..<4).sorted { samples.length(of: $0) < samples.length(of: $1) }
        #expect(order == [1, 0, 2, 3])
    }

    /// Only source tokens of training samples are deleted, in about the requested fraction, and never all.
    @Test func deletesAndMasksSourceTokens() throws {
        var augmentation = Augmentation()
        (augmentation.tokenDropping, augmentation.tokenMasking) = (0.3, 0.2)
        let text = "abcdefghijklmnopqrstuvwxyz"
        let samples = try samples("\(text)\nz\n", "\(text)\nz\n", contextLength: 32, augmentation)
        let bytes = text.utf8.map(Int32.init)
        var (left, hidden, readings) = (0, 0, Set<[Int32]>())
        for index in 0..<UInt64(400) {
            let draw = SampleDraw(index: index, isTraining: true, seed: 2)
            let read = try samples.contents(0, draw)
            let source = read.sources[..<Int(read.sourceLengths[0])]
            #expect(source.last == 258)
            #expect(read.sources[source.count...].allSatisfy { $0 == 0 })
            // Tokens that are neither deleted nor masked keep their order.
            let kept = source.dropLast().filter { $0 != 259 }
            #expect(kept == kept.sorted() && kept.allSatisfy(bytes.contains) && Set(kept).count == kept.count)
            left += source.count - 1
            hidden += source.dropLast().count { $0 == 259 }
            readings.insert(read.sources)
            #expect(read.targets[..<27] == (bytes + [258])[...])
            #expect(try samples.contents(1, draw).sourceLengths == [2])
        }
        // Binomial over 10,400 tokens; five standard deviations are 234 and 204.
        #expect(abs(left - 7280) < 234, "\(left)")
        #expect(abs(hidden - 2080) < 204, "\(hidden)")
        #expect(readings.count > 390)
        #expect(try samples.contents(0).sources[..<27] == (bytes + [258])[...])
    }
}
