import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct MaskedSamplesTests {
    private let directory = TemporaryDirectory()
    private static let mask: Int32 = 999

    /// Samples of tokens below 900, and the tokens.
    private func samples(
        tokenCount: Int, contextLength: Int, share: Double
    ) throws -> (samples: MaskedSamples, tokens: [Int32]) {
        let tokens = integers(tokenCount, below: 900, seed: 3).map(Int32.init)
        let samples = try MaskedSamples(
            directory.stream(tokens, vocabularySize: 900), contextLength: contextLength,
            maskToken: MaskedSamplesTests.mask, share: share)
        return (samples, tokens)
    }

    private func draw(_ index: UInt64, isTraining: Bool = true, seed: UInt64 = 1) -> SampleDraw {
        SampleDraw(index: index, isTraining: isTraining, seed: seed)
    }

    /// The number of targets depends only on the length, and other positions are unchanged.
    @Test(arguments: [(0.15, 3, 1), (0.001, 1, 1), (0.5, 10, 4), (0.99, 20, 7)])
    func targetCountDependsOnlyOnLength(share: Double, targets: Int, targetsOfLast: Int) throws {
        // The last sample has 7 tokens.
        let (samples, tokens) = try samples(tokenCount: 87, contextLength: 20, share: share)
        #expect(samples.count == 5)
        #expect((0..<5).map(samples.length) == [20, 20, 20, 20, 7])
        for index in 0..<5 {
            let original = Array(tokens[20 * index..<min(87, 20 * index + 20)])
            for place in 0..<UInt64(20) {
                let read = try samples.contents(index, draw(place))
                #expect(read.lengths == [Int32(original.count)])
                #expect(read.targetCount == (index == 4 ? targetsOfLast : targets))
                #expect(read.targets.count { $0 != ignoredTarget } == read.targetCount)
                for (position, token) in original.enumerated() {
                    let isTarget = read.targets[position] != ignoredTarget
                    #expect(read.targets[position] == (isTarget ? token : ignoredTarget))
                    if !isTarget { #expect(read.inputs[position] == token) }
                }
                #expect(read.inputs[original.count...].allSatisfy { $0 == 0 })
                #expect(read.targets[original.count...].allSatisfy { $0 == ignoredTarget })
            }
        }
    }

    /// Of 100 selected positions, 80 are masked, 10 become a random token and 10 stay; every position is equally likely
    /// to be selected.
    @Test func masksReplacesAndKeepsTokens() throws {
        let (samples, tokens) = try samples(tokenCount: 40_000, contextLength: 100, share: 0.2)
        var (hidden, kept, others) = (0, 0, [Int32]())
        var chosen = [Int](repeating: 0, count: 100)
        for index in 0..<400 {
            let read = try samples.contents(index, draw(UInt64(index)))
            for position in 0..<100 where read.targets[position] != ignoredTarget {
                chosen[position] += 1
                switch read.inputs[position] {
                case MaskedSamplesTests.mask: hidden += 1
                case tokens[100 * index + position]: kept += 1
                default: others.append(read.inputs[position])
                }
            }
        }
        #expect(hidden + kept + others.count == 8000)
        // Binomial: five standard deviations are 179 and 134. A random token equals the original with probability
        // 1/900.
        #expect(abs(hidden - 6400) < 179, "\(hidden)")
        #expect(abs(kept - 801) < 134, "\(kept)")
        #expect(abs(others.count - 799) < 134, "\(others.count)")
        #expect(others.allSatisfy { (0..<900).contains($0) } && Set(others).count > 400)
        #expect(others.contains { $0 < 90 } && others.contains { $0 >= 810 })
        // About 80 each; five standard deviations are 40.
        #expect(chosen.allSatisfy { abs($0 - 80) < 40 }, "\(chosen)")
    }

    /// Dynamic masking: training masks different tokens in each epoch; evaluation always masks the same ones.
    @Test func masksAreRedrawnInTrainingOnly() throws {
        let samples = try samples(tokenCount: 400, contextLength: 200, share: 0.15).samples
        // The second sample at its positions in four epochs, and in evaluation.
        let readings = try [1, 3, 4, 7].map { try samples.contents(1, draw($0)) }
        let evaluated = try samples.contents(1, draw(1, isTraining: false))
        let all = (readings + [evaluated, try samples.contents(1, draw(1, seed: 2))]).map(\.targets)
        #expect(Set(all).count == all.count)
        #expect(try samples.contents(1, draw(1)) == readings[0])
        #expect(try samples.contents(1, draw(1, isTraining: false)) == evaluated)

        let validation = try EvaluationBatches(samples, sequencesPerBatch: 1, seed: 1).contents()
        #expect(validation[1] == evaluated)
        #expect(try EvaluationBatches(samples, sequencesPerBatch: 2, seed: 1).contents() == [validation[0] + evaluated])
    }

    @Test func rejectsSplitShorterThanContext() throws {
        #expect(try samples(tokenCount: 8, contextLength: 8, share: 0.15).samples.count == 1)
        expectFailure(.badData, "(train)", "7 tokens", "context_length 8", "at most 7") {
            _ = try samples(tokenCount: 7, contextLength: 8, share: 0.15)
        }
    }
}
