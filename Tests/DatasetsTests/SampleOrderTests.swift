import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Properties of all kinds of samples: the batches of a step do not depend on the number of ranks or the step of
/// resumption.
@Suite struct SampleOrderTests {
    enum Kind: CaseIterable { case causal, documents, masked, infilling, pairs, labelled, images }

    private let directory = TemporaryDirectory()

    private func samples(_ kind: Kind) throws -> any Samples {
        var augmentation = Augmentation()
        (augmentation.tokenDropping, augmentation.tokenMasking) = (0.2, 0.1)
        (augmentation.shift, augmentation.flip, augmentation.crop) = (1, true, 0.7)
        let lines = (0..<20).map { String(repeating: "ab", count: 1 + $0 % 5) }
        let tokens = integers(300, below: 250, seed: 1).map(Int32.init)
        switch kind {
        case .causal: return try CausalSamples(directory.stream(tokens), contextLength: 16)
        case .documents: return try CausalSamples(directory.stream(tokens), contextLength: 16, documentEnd: 7)
        case .masked:
            return try MaskedSamples(directory.stream(tokens), contextLength: 16, maskToken: 259, share: 0.2)
        case .infilling:
            return try InfillingSamples(
                directory.stream(tokens), contextLength: 20, marks: .init(mask: 259, start: 257, end: 258), share: 0.2,
                meanLength: 2)
        case .pairs:
            let text = lines.joined(separator: "\n")
            let dataset = try directory.prepareRecords(.parallel, text, text)
            return try PairSamples(
                dataset.records(.train), contextLength: 16, begin: 257, end: 258, truncates: false,
                noise: TokenNoise(augmentation, mask: 259))
        case .labelled:
            let dataset = try directory.prepareRecords(.labelled(nil), lines.map { "a\t\($0)" }.joined(separator: "\n"))
            return try LabelledSamples(
                dataset.records(.train), #require(dataset.labels), contextLength: 16, first: 261, truncates: false,
                noise: TokenNoise(augmentation, mask: 259))
        case .images:
            let images = (0..<10).map { image in (0..<16).map { UInt8(10 * image + $0) } }
            let dataset = try directory.prepareImages(images, height: 4, width: 4, classes: (0..<10).map { $0 })
            return ImageSamples(
                try dataset.records(.train), try #require(dataset.labels), try #require(dataset.imageShape),
                patchSize: 2, augmentation: augmentation)
        }
    }

    private func job(_ kind: Kind, _ worldSize: Int, poolBatches: Int, from step: Int = 0) throws -> [BatchContents] {
        var job: [BatchContents] = []
        for rank in 0..<worldSize {
            let reader = try BatchReader(
                samples(kind),
                plan: BatchPlan(sequences: 8, slots: 4, rank: rank, worldSize: worldSize),
                seed: 3, poolBatches: poolBatches, consumedSamples: UInt64(8 * step))
            let own = try (step..<8).map { _ in BatchContents(try reader.next()) }
            job = job.isEmpty ? own : zip(job, own).map { $0 + $1 }
        }
        return job
    }

    @Test(arguments: Kind.allCases, [1, 3])
    func batchesDoNotDependOnRanksOrResumption(kind: Kind, poolBatches: Int) throws {
        let whole = try job(kind, 1, poolBatches: poolBatches)
        for (worldSize, step) in [(2, 0), (4, 0), (1, 5), (4, 2)] {
            #expect(try job(kind, worldSize, poolBatches: poolBatches, from: step) == Array(whole[step...]))
        }
    }

    /// Evaluation visits every sample once, with the same contents at any batch size and all targets.
    @Test(arguments: Kind.allCases)
    func evaluationDoesNotDependOnBatchSize(kind: Kind) throws {
        let samples = try samples(kind)
        let alone: [BatchContents] = try EvaluationBatches(samples, sequencesPerBatch: 1, seed: 3).contents()
        #expect(alone.flatMap(\.sampleIndices) == Array(0..<UInt64(samples.count)))
        #expect(alone.allSatisfy { $0.targetCount > 0 })
        for size in [2, 3, .max] {
            let batches: [BatchContents] = try EvaluationBatches(samples, sequencesPerBatch: size, seed: 3).contents()
            let targets = { (contents: [BatchContents]) -> Int in contents.reduce(0) { $0 + $1.targetCount } }
            #expect(targets(batches) == targets(alone))
            #expect(batches.flatMap(\.lengths) == alone.flatMap(\.lengths))
            let marks = { (contents: [BatchContents]) -> [Int32] in
                contents.flatMap(\.targets).filter { $0 != ignoredTarget }
            }
            #expect(marks(batches) == marks(alone))
        }
        #expect(try EvaluationBatches(samples, sequencesPerBatch: 1, seed: 3).contents() == alone)
    }
}
