import Glibc
import Models
import TestSupport
import Testing

@Suite struct TokenSamplerTests {
    private let logits = normals(50, seed: 1, deviation: 2).map(Float.init)

    private func choices(
        _ logits: [Float], temperature: Double = 1, topK: Int = 0, topP: Double = 1, seed: UInt64 = 1, count: Int = 200
    ) -> [Int32] {
        let sampler = TokenSampler(temperature: temperature, topK: topK, topP: topP, seed: seed)
        return logits.withUnsafeBufferPointer { logits in (0..<count).map { sampler.choose(logits, at: $0) } }
    }

    static let ties: [(logits: [Float], token: Int32)] = [
        ([1, 5, 3, 5, 2], 1), ([7, 7, 7], 0), ([0, -0.0], 0), ([-3], 0), ([-.infinity, -2, -1], 2),
    ]

    @Test(arguments: ties)
    func greedyChoosesFirstOfEqualMaxima(logits: [Float], token: Int32) {
        #expect(Set(choices(logits, temperature: 0)) == [token])
    }

    @Test(arguments: [[1, 5, 3, 5, 2], [7, 7, 7], [-3] as [Float]])
    func singleCandidateIsGreedy(logits: [Float]) {
        let greedy = choices(logits, temperature: 0)
        #expect(choices(logits, temperature: 2, topK: 1) == greedy)
        #expect(choices(logits, temperature: 2, topP: 1e-9) == greedy)
        #expect(choices(logits, temperature: 2, topP: 0) == greedy)
    }

    /// Σ (observed − expected)² / expected over 50 tokens: χ² with 49 degrees of freedom exceeds 95 with probability
    /// 10⁻⁴.
    @Test(arguments: [0.5, 1, 3])
    func samplesFollowTheDistribution(temperature: Double) {
        let probabilities = Reference.softmax(logits.map { Double($0) / temperature })
        expectDistribution(choices(logits, temperature: temperature, count: 20_000), probabilities)
    }

    /// Of ten tokens, those outside the K most probable or outside the nucleus are never chosen; the others keep their
    /// relative probabilities.
    @Test func topKAndTopPExcludeTokens() {
        let probabilities = [0.05, 0.3, 0.02, 0.2, 0.01, 0.15, 0.02, 0.1, 0.05, 0.1]
        let logits = probabilities.map { Float(log($0)) }
        let three = [0, 0.3, 0, 0.2, 0, 0.15, 0, 0, 0, 0].map { $0 / 0.65 }
        expectDistribution(choices(logits, topK: 3, count: 20_000), three)
        // 0.3 + 0.2 + 0.15 reaches 0.6; 0.3 + 0.2 does not.
        expectDistribution(choices(logits, topP: 0.6, count: 20_000), three)
        // If logits are equal, the first ones are kept.
        let five = [0, 0.3, 0, 0.2, 0, 0.15, 0, 0.1, 0, 0].map { $0 / 0.75 }
        expectDistribution(choices(logits, topK: 4, count: 20_000), five)
        // With top-K, the nucleus is relative to the K most probable tokens: 0.3 / 0.65 is below 0.5, so a second token
        // is needed.
        expectDistribution(
            choices(logits, topK: 3, topP: 0.5, count: 20_000), [0, 0.6, 0, 0.4, 0, 0, 0, 0, 0, 0])
    }

    private func expectDistribution(
        _ tokens: [Int32], _ probabilities: [Double], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var squares = 0.0
        for (token, probability) in probabilities.enumerated() {
            let (observed, expected) = (Double(tokens.count { $0 == token }), probability * Double(tokens.count))
            if probability == 0 {
                #expect(observed == 0, "token \(token)", sourceLocation: sourceLocation)
            } else {
                squares += (observed - expected) * (observed - expected) / expected
            }
        }
        #expect(squares < 95, sourceLocation: sourceLocation)
    }

    @Test func choiceDependsOnlyOnSeedAndPosition() {
        #expect(choices(logits) == choices(logits))
        #expect(choices(logits) != choices(logits, seed: 2))
        let sampler = TokenSampler(temperature: 1, topK: 0, topP: 1, seed: 1)
        logits.withUnsafeBufferPointer { logits in
            #expect(sampler.choose(logits, at: 150) == choices(self.logits)[150])
        }
    }

    /// At a temperature so low that all other weights underflow, and for NaN logits, a valid token is chosen.
    @Test func extremeValuesGiveValidTokens() {
        #expect(Set(choices([1, 2, 3], temperature: 1e-300)) == [2])
        #expect(choices([.nan, .nan, .nan], topK: 2, topP: 0.5, count: 1).allSatisfy { (0..<3).contains($0) })
        #expect(choices([1e38, -1e38, 0], topK: 10, count: 1) == [0])
    }
}
