import TestSupport
import Testing

@testable import Datasets

/// The texts are encoded as bytes; class token 261 precedes each.
@Suite struct LabelledSamplesTests {
    private let directory = TemporaryDirectory()

    private func samples(
        _ kind: LabelDescription.Kind, _ text: String, contextLength: Int = 8, truncates: Bool = false,
        _ augmentation: Augmentation = Augmentation()
    ) throws -> LabelledSamples {
        let dataset = try directory.prepareRecords(.labelled(kind), text)
        return try LabelledSamples(
            dataset.records(.train), #require(dataset.labels), contextLength: contextLength,
            first: #require(dataset.specialTokens.cls), truncates: truncates,
            noise: TokenNoise(augmentation, mask: dataset.specialTokens.mask))
    }

    private func all(_ samples: LabelledSamples) throws -> BatchContents {
        try EvaluationBatches(samples, sequencesPerBatch: .max, seed: 1).contents()[0]
    }

    @Test func singleLabelTargets() throws {
        let read = try all(samples(.class, "b\txy\na\tz\nb\tuvw\n"))
        #expect(
            read.inputs == [261, 120, 121, 0, 0, 0, 0, 0, 261, 122, 0, 0, 0, 0, 0, 0, 261, 117, 118, 119, 0, 0, 0, 0])
        #expect(read.lengths == [3, 2, 4])
        #expect(read.targets == [1, 0, 1] && read.values.isEmpty)
        #expect(read.targetCount == 3)
    }

    /// Each class is a target of every record.
    @Test func multiLabelTargets() throws {
        let read = try all(samples(.multi, "c,a\txy\n\tz\nb\tuvw\n"))
        #expect(read.values == [1, 0, 1, 0, 0, 0, 0, 1, 0])
        #expect(read.targetCount == 9)
    }

    @Test func regressionTargets() throws {
        let read = try all(samples(.number, "-1.5\txy\n3e2\tz\n"))
        #expect(read.values == [-1.5, 300])
        #expect(read.targetCount == 2)
    }

    @Test func longTextsAreTruncatedOrRejected() throws {
        let text = "a\tvwxyz\nb\tyz\n"
        let cut = try samples(.class, text, contextLength: 4, truncates: true)
        #expect((cut.count, cut.truncatedCount) == (2, 1))
        #expect(try all(cut).inputs == [261, 118, 119, 120, 261, 121, 122, 0])
        #expect((0..<2).map { cut.length(of: $0) } == [3, 2])
        expectFailure(.badData, "record 1: its text has 5 tokens", "allows at most 4.", "data.truncate") {
            _ = try samples(.class, text, contextLength: 5)
        }
        #expect(try samples(.class, text, contextLength: 6).truncatedCount == 0)
    }

    /// The class token is never deleted or masked.
    @Test func deletesAndMasksTokens() throws {
        var augmentation = Augmentation()
        (augmentation.tokenDropping, augmentation.tokenMasking) = (0.5, 0.4)
        let samples = try samples(.class, "a\tuvwxyz\nb\ty\n", augmentation)
        var lengths = Set<Int32>()
        for index in 0..<UInt64(300) {
            let read = try samples.contents(0, SampleDraw(index: index, isTraining: true, seed: 2))
            #expect(read.inputs[0] == 261 && read.targets == [0])
            let text = read.inputs[1..<Int(read.lengths[0])]
            #expect(text.allSatisfy { $0 == 259 || (117...122).contains($0) })
            #expect(read.inputs[Int(read.lengths[0])...].allSatisfy { $0 == 0 })
            lengths.insert(read.lengths[0])
        }
        #expect(lengths == [2, 3, 4, 5, 6, 7])
        #expect(try samples.contents(0).inputs == [261, 117, 118, 119, 120, 121, 122, 0])
    }
}
