import TestSupport
import Testing

@testable import Tokenizers

/// Random segmentations of encoded texts.
struct SubwordSamplerTests {
    private static let texts = [
        "the copies of the Work longer 12 345", "größe  漢字\u{2581}🙂 the\tWork", "", " ", "copies", "of\nthe Work",
    ]

    private func learned(_ algorithm: TokenizerAlgorithm) throws -> SentencePieceTokenizer {
        let parts = ["the", "re", "en", "copies", "of", "long", "er", "work", "size", "st"]
        let words = (0..<200).map { index -> String in
            let numbers = [index % 10, index / 10 % 10, index / 7 % 10]
            return numbers.map { parts[$0] }.joined()
        }
        let sample = "größe 漢字 12 345 Work\n" + words.joined(separator: " the ") + "\n"
        var text = TextSample(totalBytes: 0)
        Array(sample.utf8).withUnsafeBytes { text.append($0) }
        return try SentencePieceTokenizer(model: try algorithm.learn(size: 330, from: text).model, source: "learned")
    }

    /// Numbers uniform over [0, 1) that no other platform changes.
    private struct Uniform {
        var state: UInt64

        mutating func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }
    }

    private func draw(_ sampler: SubwordSampler, _ tokens: [Int32], seed: UInt64) -> [Int32] {
        var uniform = Uniform(state: seed &* 0x9E37_79B9_7F4A_7C15)
        return tokens.withUnsafeBufferPointer { tokens in sampler.resegment(tokens) { uniform.next() } }
    }

    /// Without dropped merges the tokens are those of the tokenizer; with some they differ, but never the text.
    @Test func dropoutKeepsTheText() throws {
        let tokenizer = try learned(.bpe)
        let whole = try #require(SubwordSampler(tokenizer, .dropout(0)))
        let sampler = try #require(SubwordSampler(tokenizer, .dropout(0.3)))
        let characters = try #require(SubwordSampler(tokenizer, .dropout(0.999999)))
        for text in SubwordSamplerTests.texts {
            let tokens = try tokenizer.encode(text)
            #expect(draw(whole, tokens, seed: 1) == tokens, "\(text)")
            let drawn = (0..<20).map { draw(sampler, tokens, seed: $0) }
            #expect(drawn.allSatisfy { tokenizer.decode($0) == Array(text.utf8) }, "\(text)")
            #expect(drawn.contains { $0 != tokens } || text.count < 2, "\(text)")
            #expect(draw(sampler, tokens, seed: 3) == drawn[3])
            #expect(draw(characters, tokens, seed: 1).count >= text.unicodeScalars.count, "\(text)")
            #expect(tokenizer.decode(draw(characters, tokens, seed: 1)) == Array(text.utf8), "\(text)")
        }
        // A token without text stays where it is.
        let begin = try #require(tokenizer.specialTokens.bos)
        let word = try tokenizer.encode("copies")
        #expect(draw(whole, [begin] + word + [begin], seed: 1) == [begin] + word + [begin])
    }

    /// Segmentations are drawn with the probabilities of the model to the given power.
    @Test(arguments: [0.2, 1]) func unigramSegmentationsHaveTheirProbabilities(power: Double) throws {
        let tokenizer = try learned(.unigram)
        let sampler = try #require(SubwordSampler(tokenizer, .unigram(power)))
        let table = try #require(PieceTable(tokenizer.handle))
        let word = Array(" work".utf8)
        /// All segmentations of the bytes from `start` on, with the sums of their scores.
        func segmentations(_ start: Int) -> [(tokens: [Int32], score: Double)] {
            if start == word.count { return [([], 0)] }
            return (start + 1...word.count).flatMap { end -> [(tokens: [Int32], score: Double)] in
                guard let place = word.withUnsafeBytes({ table.find($0, start, end) }) else { return [] }
                return segmentations(end).map { ([place.token] + $0.tokens, Double(place.score) + $0.score) }
            }
        }
        let all = segmentations(0)
        try #require(all.count > 1)
        let best = all.map(\.score).max()!
        let weights = all.map { powerOfE(power * ($0.score - best)) }
        let total = weights.reduce(0, +)
        let tokens = try tokenizer.encode("work")
        let draws = 4000
        var counts: [[Int32]: Int] = [:]
        for seed in 0..<UInt64(draws) { counts[draw(sampler, tokens, seed: seed), default: 0] += 1 }
        #expect(counts.keys.allSatisfy { drawn in all.contains { $0.tokens == drawn } })
        for (segmentation, weight) in zip(all, weights) {
            // Five standard deviations of a fraction of the draws.
            let share = weight / total
            let deviation = (share * (1 - share) / Double(draws)).squareRoot()
            let found = Double(counts[segmentation.tokens] ?? 0) / Double(draws)
            #expect(abs(found - share) <= 5 * deviation + 1e-9, "\(segmentation): \(found) instead of \(share)")
        }
        for text in SubwordSamplerTests.texts {
            let drawn = draw(sampler, try tokenizer.encode(text), seed: 5)
            #expect(tokenizer.decode(drawn) == Array(text.utf8), "\(text)")
        }
    }

    /// e to the power `x`, by its series.
    private func powerOfE(_ x: Double) -> Double {
        // For x ≤ 0, 1 / e^−x has no cancellation.
        var (sum, term) = (1.0, 1.0)
        for index in 1..<200 {
            term *= -x / Double(index)
            sum += term
        }
        return 1 / sum
    }

    /// A method is for one kind of model, and only for models whose words do not depend on each other.
    @Test func otherModelsHaveNoSampler() throws {
        #expect(SubwordSampler(try learned(.unigram), .dropout(0.1)) == nil)
        #expect(SubwordSampler(try learned(.bpe), .unigram(0.1)) == nil)
        let foreign = try goldenTokenizer("foreign")
        #expect(SubwordSampler(foreign, .dropout(0.1)) == nil && SubwordSampler(foreign, .unigram(0.1)) == nil)
    }
}
