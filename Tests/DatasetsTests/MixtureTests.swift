import TestSupport
import Testing

@testable import Datasets

@Suite struct MixtureTests {
    @Test(arguments: [
        ([5.0, 3, 2], [500, 300, 200]), ([1, 1, 1], [334, 333, 333]), ([0.1, 0.2], [333, 667]), ([7], [1000]),
        ([1e6, 1000], [999, 1]), ([0.3, 0.7], [300, 700]),
    ])
    func quotasAreTheRoundedShares(weights: [Double], quotas: [Int]) {
        #expect(Mixture(weights: weights)?.quotas == quotas)
    }

    @Test(arguments: [[], [0, 1], [-1, 2], [.infinity, 1], [.nan, 1], [1e6, 1]] as [[Double]])
    func impossibleWeights(weights: [Double]) { #expect(Mixture(weights: weights) == nil) }

    /// Each part's places are numbered without gaps, and each block has its quota of them.
    @Test func placesOfEachPartAreNumbered() throws {
        let mixture = try #require(Mixture(weights: [5, 3, 2]))
        var indices: [[UInt64]] = [[], [], []]
        for index in 0..<UInt64(3000) {
            let (part, place) = mixture.place(atGlobalIndex: index, seed: 7)
            indices[part].append(place)
            if (index + 1) % 1000 == 0 {
                #expect(indices.map(\.count) == mixture.quotas.map { $0 * Int(index + 1) / 1000 })
            }
        }
        for found in indices { #expect(found.sorted() == Array(0..<UInt64(found.count))) }
        // The parts alternate: none has more than 40 places in a row.
        let parts = (0..<UInt64(1000)).map { mixture.place(atGlobalIndex: $0, seed: 7).part }
        #expect(zip(parts, parts.dropFirst()).count { $0 != $1 } > 400)
        let others = (0..<UInt64(1000)).map { mixture.place(atGlobalIndex: $0, seed: 8).part }
        #expect(others != parts)
    }

    /// A part of any size is read epoch by epoch: each of its samples once before any of them twice.
    @Test func everyPartHasItsOwnEpochs() throws {
        let mixture = try #require(Mixture(weights: [5, 3, 2]))
        let counts = [40, 700, 40]
        let sampler = Sampler(mixture, partCounts: counts, seed: 3)
        var seen: [[UInt64: [Int]]] = [[:], [:], [:]]
        for index in 0..<UInt64(7000) {
            let (epoch, sample) = sampler.sample(atGlobalIndex: index)
            let part = sample < 40 ? 0 : sample < 740 ? 1 : 2
            seen[part][epoch, default: []].append(sample)
        }
        let firsts = [0, 40, 740]
        for part in 0..<3 {
            let full = 7 * mixture.quotas[part] / counts[part]
            for epoch in 0..<UInt64(full) {
                #expect(seen[part][epoch]?.sorted() == Array(firsts[part]..<firsts[part] + counts[part]))
            }
        }
        // Parts of the same size have different orders.
        let orders = [0, 2].map { part in seen[part][0, default: []].map { $0 - firsts[part] } }
        #expect(orders[0] != orders[1])
    }

    @Test func mixedSamplesAreThoseOfTheParts() throws {
        let directory = TemporaryDirectory()
        let parts = try [[1, 2, 3, 4, 5], [7, 8, 9]].map { tokens in
            try CausalSamples(directory.stream(tokens.map(Int32.init)), contextLength: 2)
        }
        let mixed = MixedSamples(parts, Mixture(weights: [1, 1]))
        #expect((mixed.count, mixed.partCounts) == (3, [2, 1]))
        let read = try EvaluationBatches(mixed, sequencesPerBatch: .max, seed: 1).contents()[0]
        #expect(read.inputs == [1, 2, 3, 4, 7, 8] && read.targets == [2, 3, 4, 5, 8, 9])
    }
}
