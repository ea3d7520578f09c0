import TestSupport
import Testing

@testable import Datasets

@Suite struct LengthBucketsTests {
    private let directory = TemporaryDirectory()
    private static let sequences = 4
    private static let seed: UInt64 = 7

    /// 53 pairs whose targets have 1 to 12 tokens.
    private func samples() throws -> PairSamples {
        let lengths = integers(53, below: 12, seed: 1).map { $0 + 1 }
        let targets = lengths.map { String(repeating: "x", count: $0) + "\n" }.joined()
        let sources = lengths.indices.map { String(repeating: "y", count: 1 + $0 % 5) + "\n" }.joined()
        let dataset = try directory.prepareRecords(.parallel, sources, targets)
        return try PairSamples(
            dataset.records(.train), contextLength: 16, begin: 257, end: 258, truncates: false,
            noise: TokenNoise(Augmentation(), mask: nil))
    }

    private func sampler(_ samples: PairSamples) -> Sampler { Sampler(sampleCount: samples.count, seed: Self.seed) }

    /// Each pool contains every index once; its batches are those of the sorted pool, in another order.
    @Test(arguments: [2, 3, 16])
    func eachPoolIsSortedAndShuffled(poolBatches: Int) throws {
        let samples = try samples()
        let sampler = sampler(samples)
        var buckets = LengthBuckets(samples, sampler, sequences: Self.sequences, poolBatches: poolBatches)
        let size = UInt64(Self.sequences * poolBatches)
        var orders = Set<[Int]>()
        for pool in 0..<UInt64(8) {
            let places = pool * size..<(pool + 1) * size
            let indices = try places.map { try buckets.index(at: $0) }
            #expect(indices.sorted() == Array(places))
            let lengths = indices.map { samples.length(of: sampler.sample(atGlobalIndex: $0).sample) }
            let batches = stride(from: 0, to: lengths.count, by: Self.sequences).map {
                Array(lengths[$0..<$0 + Self.sequences])
            }
            #expect(batches.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 } == lengths.sorted())
            orders.insert(batches.indices.sorted { batches[$0][0] < batches[$1][0] })
        }
        #expect(orders.count > 1)
    }

    /// Positions can be queried in any order.
    @Test func indexDependsOnlyOnPosition() throws {
        let samples = try samples()
        let sampler = sampler(samples)
        func index(at place: UInt64) throws -> UInt64 {
            var fresh = LengthBuckets(samples, sampler, sequences: Self.sequences, poolBatches: 5)
            return try fresh.index(at: place)
        }
        var buckets = LengthBuckets(samples, sampler, sequences: Self.sequences, poolBatches: 5)
        for place in [0, 39, 20, 19, 61, 5, 1_000_003] as [UInt64] {
            #expect(try buckets.index(at: place) == index(at: place))
        }
    }

    private func steps(
        _ count: Int, slots: Int = 4, rank: Int = 0, of worldSize: Int = 1, from consumed: UInt64 = 0, poolBatches: Int
    ) throws -> [BatchContents] {
        let plan = try BatchPlan(sequences: Self.sequences, slots: slots, rank: rank, worldSize: worldSize)
        let reader = try BatchReader(
            samples(), plan: plan, seed: Self.seed, poolBatches: poolBatches, consumedSamples: consumed)
        return try (0..<count).map { _ in BatchContents(try reader.next()) }
    }

    /// A run that resumes within a pool, on any number of ranks, reads the same batches.
    @Test func resumedReaderContinuesTheSequence() throws {
        let whole = try steps(30, poolBatches: 5)
        for (stop, worldSize) in [(0, 2), (3, 1), (7, 4), (10, 2), (29, 4)] {
            var job = [BatchContents]()
            for rank in 0..<worldSize {
                let own = try steps(
                    30 - stop, rank: rank, of: worldSize, from: UInt64(stop * Self.sequences), poolBatches: 5)
                job = job.isEmpty ? own : zip(job, own).map { $0 + $1 }
            }
            #expect(job == Array(whole[stop...]))
        }
        // 120 positions are six pools with each index once.
        #expect(whole.flatMap(\.sampleIndices).sorted() == Array(0..<120))
    }

    /// A batch contains a sample twice only if its pool spans two epochs.
    @Test func onlyPoolsAcrossEpochsRepeatSamples() throws {
        let samples = try samples()
        let sampler = sampler(samples)
        var buckets = LengthBuckets(samples, sampler, sequences: Self.sequences, poolBatches: 5)
        let (poolSize, epoch) = (UInt64(Self.sequences * 5), UInt64(samples.count))
        var repetitions = 0
        for batch in 0..<UInt64(200) {
            let first = batch * UInt64(Self.sequences)
            let numbers = try (first..<first + UInt64(Self.sequences)).map {
                sampler.sample(atGlobalIndex: try buckets.index(at: $0)).sample
            }
            let pool = first / poolSize * poolSize
            let crosses = pool / epoch != (pool + poolSize - 1) / epoch
            if Set(numbers).count < numbers.count { repetitions += 1 }
            #expect(crosses || Set(numbers).count == numbers.count)
        }
        #expect(repetitions > 0)
    }

    /// Length bucketing reduces padding.
    @Test func bucketingReducesPadding() throws {
        func positions(_ poolBatches: Int) throws -> Int {
            try steps(30, slots: 1, poolBatches: poolBatches).reduce(0) { $0 + $1.inputs.count }
        }
        #expect(try positions(1) > positions(10))
    }
}
