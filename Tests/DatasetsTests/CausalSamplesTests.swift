import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct CausalSamplesTests {
    let directory: TemporaryDirectory

    init() { directory = TemporaryDirectory() }

    /// The samples of the tokens 1 ... count.
    private func samples(_ count: Int32, contextLength: Int) throws -> CausalSamples {
        try directory.writeShard(Array(1...count), to: "train.bin", format: .uint16)
        return try CausalSamples(Dataset.open(directory.path).stream(.train), contextLength: contextLength)
    }

    private func batches(_ samples: CausalSamples, _ sequences: Int) throws -> [BatchContents] {
        try EvaluationBatches(samples, sequencesPerBatch: sequences, seed: 1).contents()
    }

    @Test func lastSampleIsPadded() throws {
        let loaded = try batches(samples(10, contextLength: 4), 2)
        #expect(loaded.map(\.inputs) == [[1, 2, 3, 4, 5, 6, 7, 8], [9, 0, 0, 0]])
        #expect(loaded.map(\.targets) == [[2, 3, 4, 5, 6, 7, 8, 9], [10, -1, -1, -1]])
        #expect(loaded.map(\.targetCount) == [8, 1])
        #expect(loaded.map(\.sampleIndices) == [[0, 1], [2]])
    }

    @Test(arguments: 1...12) func everyTokenExceptFirstIsTargetOnce(contextLength: Int) throws {
        let samples = try samples(13, contextLength: contextLength)
        #expect(samples.count == (12 + contextLength - 1) / contextLength)
        for sequences in [1, 2, 5, .max] {
            let loaded = try batches(samples, sequences)
            #expect(loaded.flatMap(\.targets).filter { $0 != ignoredTarget } == Array(2...13))
            #expect(loaded.reduce(0) { $0 + $1.targetCount } == 12)
            // The input at each target is the token before it.
            for batch in loaded {
                for (input, target) in zip(batch.inputs, batch.targets) where target != -1 {
                    #expect(input == target - 1)
                }
            }
        }
    }

    /// An end token belongs to its document; a document that continues from the previous sample starts at position 0.
    @Test func documentStartsFollowEndTokens() throws {
        let samples = try CausalSamples(
            directory.stream([5, 6, 9, 7, 9, 9, 8, 1, 2, 3, 9]), contextLength: 4, documentEnd: 9)
        let loaded = try batches(samples, .max)
        #expect(loaded[0].inputs == [5, 6, 9, 7, 9, 9, 8, 1, 2, 3, 0, 0])
        #expect(loaded[0].documentStarts[..<10] == [0, 0, 0, 3, 0, 1, 2, 2, 0, 0])
        #expect(loaded[0].targetCount == 10)
        #expect(loaded[0].documentStarts[10...].allSatisfy { (0...3).contains($0) })
    }

    @Test func rejectsSplitShorterThanContext() throws {
        #expect(try samples(9, contextLength: 8).count == 1)
        expectFailure(.badData, "(train)", "8 tokens", "context_length 8", "at most 7") {
            _ = try samples(8, contextLength: 8)
        }
        expectFailure(.badData, "1 token;", "context_length 1") { _ = try samples(1, contextLength: 1) }
        let empty = try Dataset.open(directory.path).stream(.validation)
        expectFailure(.badData, "(validation)", "0 tokens", "Move text into the shards") {
            _ = try CausalSamples(empty, contextLength: 1)
        }
        expectFailure(.badData, "context_length \(Int.max)") { _ = try samples(8, contextLength: .max) }
        expectFailure(.usage, "context_length is 0") { _ = try samples(8, contextLength: 0) }
    }

    /// The advice depends on the split, and on whether both splits together have enough tokens.
    @Test(arguments: [
        (Split.validation, 900, true, "--validation-fraction 0.14 or more, or --validation FILE"),
        (.validation, 20, true, "Prepare more text, or hold out another file: dtrain prepare --validation FILE"),
        (.validation, 900, false, "the shards whose names contain \"val\""),
        (.train, 900, true, "hold out less of it: a smaller --validation-fraction"),
        (.train, 20, true, "Prepare more text"), (.train, 900, false, "Add shards"),
    ])
    func shortSplitGetsMatchingAdvice(split: Split, others: Int, isPrepared: Bool, advice: String) {
        let origin = SplitOrigin(split: split, otherTokens: others, isPrepared: isPrepared)
        #expect(origin.remedy(tokens: 100, needed: 129).contains(advice), "\(origin.remedy(tokens: 100, needed: 129))")
    }

    @Test func rejectsBatchTooLargeForMemory() {
        for (capacity, contextLength) in [(Int.max, 2), (1 << 20, 1 << 20), (0, 1), (1, -1)] {
            expectFailure(.usage, "batch.sequences") {
                _ = try Batch(capacity: capacity, BatchShape(positions: contextLength))
            }
        }
    }
}
