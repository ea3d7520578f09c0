import Testing

@testable import Datasets

@Suite struct PermutationTests {
    private func all(_ count: Int, seed: UInt64 = 1, epoch: UInt64 = 0) -> [Int] {
        let permutation = Permutation(count: count, seed: seed, epoch: epoch)
        return (0..<count).map { permutation[$0] }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 17, 64, 65, 1000, 4099]) func everyIndexOccursOnce(count: Int) {
        for (seed, epoch) in [(0, 0), (1337, 3), (.max, .max)] as [(UInt64, UInt64)] {
            #expect(all(count, seed: seed, epoch: epoch).sorted() == Array(0..<count))
        }
    }

    @Test(arguments: [64, 1000, 4099]) func seedAndEpochChangeTheOrder(count: Int) {
        let orders = [
            all(count), all(count, seed: 2), all(count, epoch: 1), all(count, seed: 1 << 40), Array(0..<count),
        ]
        #expect(Set(orders).count == orders.count)
        #expect(all(count) == orders[0])
    }

    @Test func valuesNeverChange() {
        // Checkpoints depend on these values, so they must never change. Computed by an implementation in Python.
        #expect(all(10, seed: 1337) == [7, 1, 0, 6, 4, 3, 8, 2, 5, 9])
        #expect(all(10, seed: 1337, epoch: 1 << 32 + 5) == [3, 7, 9, 1, 2, 6, 5, 8, 4, 0])
        #expect(all(70_000).prefix(4) == [36201, 10396, 55593, 32253])
    }

    @Test func largeCountsStayInRange() {
        for count in [Int.max, 1 << 40 + 1, 1 << 62] {
            let permutation = Permutation(count: count, seed: 1, epoch: 0)
            let images = [0, 1, count / 2, count - 1].map { permutation[$0] }
            #expect(Set(images).count == 4)
            #expect(images.allSatisfy { (0..<count).contains($0) })
        }
    }

    @Test func allOrdersOfThreeAreEquallyLikely() {
        var found: [[Int]: Int] = [:]
        for seed in 0..<UInt64(6000) { found[all(3, seed: seed), default: 0] += 1 }
        #expect(found.count == 6)
        // Binomial with mean 1000; five standard deviations are 144.
        #expect(found.values.allSatisfy { abs($0 - 1000) < 144 }, "\(found)")
    }

    @Test func allPositionsAreEquallyLikely() {
        let count = 11
        var found = [Int](repeating: 0, count: count * count)
        for epoch in 0..<UInt64(5500) {
            for (place, value) in all(count, seed: 9, epoch: epoch).enumerated() { found[place * count + value] += 1 }
        }
        // Binomial with mean 500; five standard deviations are 107.
        #expect(found.allSatisfy { abs($0 - 500) < 107 }, "\(found)")
    }

    @Test func neighboursAreSeparated() {
        let order = all(4096, seed: 5)
        let kept = zip(order, order.dropFirst()).count { abs($0 - $1) == 1 }
        // A random order keeps two pairs of neighbours on average.
        #expect(kept < 12)
    }

    @Test func samplerCountsEpochs() {
        let sampler = Sampler(sampleCount: 7, seed: 3)
        for index in 0..<UInt64(70) {
            let (epoch, sample) = sampler.sample(atGlobalIndex: index)
            #expect(epoch == index / 7)
            #expect(sample == Permutation(count: 7, seed: 3, epoch: epoch)[Int(index % 7)])
        }
    }
}
