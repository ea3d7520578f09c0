import Tensors
import Failures
import Testing

@testable import Datasets

/// Synthetic samples: sample i has `lengths[i]` tokens 10 · i + 1, 10 · i + 2 …, and a source of `sourceLengths[i]`
/// tokens.
private final class MadeSamples: Samples {
    let shape: BatchShape
    let lengths: [Int]
    let sourceLengths: [Int]
    var count: Int { lengths.count }

    init(_ shape: BatchShape, _ lengths: [Int], sourceLengths: [Int] = []) {
        (self.shape, self.lengths, self.sourceLengths) = (shape, lengths, sourceLengths)
    }

    func length(of sample: Int) -> Int { lengths[sample] }

    func load(_ sample: Int, _ draw: SampleDraw, into row: inout SampleRow) throws(Failure) {
        for position in 0..<row.positions {
            let number = Int32(10 * sample + position + 1)
            row.fields.tokens?[position] = number
            if shape.hasTargetPerPosition { row.fields.classTargets?[position] = -number }
            row.fields.positionIDs?[position] = number + 100
            row.fields.spanPositionIDs?[position] = number + 200
            row.fields.documentStarts?[position] = number + 300
            row.fields.sourceTokens?[position] = number + 400
        }
        if shape.hasTargetPerPosition { row.pad(from: lengths[sample]) } else { row.length = lengths[sample] }
        row.targetCount = lengths[sample]
        row.prefixLength = 1
        if shape.hasSource { row.sourceLength = sourceLengths[sample] }
    }
}

@Suite struct BatchTests {
    private func batch(_ samples: MadeSamples, _ indices: [Int]) throws -> Batch {
        let batch = try Batch(capacity: 4, samples.shape)
        for index in indices {
            try batch.append(index, of: samples, SampleDraw(index: UInt64(7 + index), isTraining: true, seed: 1))
        }
        batch.close()
        return batch
    }

    private func shape(_ positions: Int, _ change: (inout BatchShape) -> Void = { _ in }) -> BatchShape {
        var shape = BatchShape(positions: positions)
        shape.hasLengths = true
        change(&shape)
        return shape
    }

    /// Lengths are padded to a multiple of eight, but not beyond the shape.
    @Test(arguments: [
        ([1], 8), ([3, 8], 8), ([9, 2], 16), ([16], 16), ([17, 1, 1], 20), ([20], 20), ([1, 1, 1, 20], 20), ([], 8),
    ])
    func longestSequenceDeterminesLength(lengths: [Int], positions: Int) throws {
        let batch = try batch(MadeSamples(shape(20), lengths), Array(lengths.indices))
        #expect(batch.positions == positions)
        #expect(batch.sequenceCount == lengths.count)
        #expect(batch.targetCount == lengths.reduce(0, +))
        let contents = BatchContents(batch)
        #expect(contents.lengths == lengths.map(Int32.init))
        #expect(contents.sampleIndices == lengths.indices.map { UInt64(7 + $0) })
        var tokens: [Int32] = []
        for (index, length) in lengths.enumerated() {
            let row = (0..<length).map { Int32(10 * index + $0 + 1) }
            tokens += row + [Int32](repeating: 0, count: positions - length)
        }
        #expect(contents.inputs == tokens)
        #expect(contents.targets == tokens.map { $0 == 0 ? ignoredTarget : -$0 })
    }

    /// Every array with an element per position is shortened to the same length.
    @Test func closeShortensEveryPositionArray() throws {
        let samples = MadeSamples(
            shape(24) {
                $0.hasPrefixes = true
                $0.hasDocuments = true
            }, [5, 2, 7])
        let contents = BatchContents(try batch(samples, [2, 0, 1]))
        let numbers = [2, 0, 1].flatMap { sample in (1...8).map { Int32(10 * sample + $0) } }
        #expect(contents.positionIDs == numbers.map { $0 + 100 })
        #expect(contents.spanPositionIDs == numbers.map { $0 + 200 })
        #expect(contents.documentStarts == numbers.map { $0 + 300 })
        #expect(contents.prefixLengths == [1, 1, 1])
    }

    /// Sources are shortened independently of targets.
    @Test func closeShortensSourcesIndependently() throws {
        let samples = MadeSamples(shape(24) { $0.hasSource = true }, [3, 4], sourceLengths: [10, 2])
        let batch = try batch(samples, [0, 1])
        #expect((batch.positions, batch.sourcePositions) == (8, 16))
        let contents = BatchContents(batch)
        let sources = Array(1...16) + Array(11...26)
        #expect(contents.sources == sources.map { Int32(400 + $0) })
        #expect(contents.sourceLengths == [10, 2])
    }

    /// With one target per sequence, targets are not moved; after `removeAll` the batch has its full length again.
    @Test func batchesCanBeReused() throws {
        let samples = MadeSamples(shape(16) { $0.hasTargetPerPosition = false }, [2, 16])
        let batch = try batch(samples, [0])
        batch.fields.classTargets![0] = 5
        #expect(batch.positions == 8)
        batch.removeAll()
        #expect((batch.sequenceCount, batch.targetCount, batch.positions) == (0, 0, 16))
        try batch.append(1, of: samples, SampleDraw(index: 1, isTraining: true, seed: 1))
        try batch.append(0, of: samples, SampleDraw(index: 2, isTraining: true, seed: 1))
        batch.close()
        #expect(BatchContents(batch).inputs == (11...26).map { $0 } + (1...16).map { $0 })
        #expect(BatchContents(batch).lengths == [16, 2])
    }

    /// Without lengths, sequences keep their full length.
    @Test func sequencesWithoutLengthsAreNotShortened() throws {
        var shape = BatchShape(positions: 20)
        shape.hasDocuments = true
        #expect(try batch(MadeSamples(shape, [3, 3]), [0, 1]).positions == 20)
    }
}
