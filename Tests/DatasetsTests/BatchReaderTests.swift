import Failures
import Files
import Glibc
import TestSupport
import Testing

@testable import Datasets

@Suite struct BatchReaderTests {
    let directory: TemporaryDirectory
    let dataset: Dataset
    static let contextLength = 4
    /// 23 samples, the last one short; 23 is not divisible by any batch size.
    static let sampleCount = 23

    init() throws {
        directory = TemporaryDirectory()
        try directory.writeShard(Array(0..<50), to: "train-0.bin", format: .uint16)
        try directory.writeShard(Array(50..<91), to: "train-1.bin", format: .uint16)
        dataset = try Dataset.open(directory.path)
    }

    private func samples() throws -> CausalSamples {
        try CausalSamples(dataset.stream(.train), contextLength: Self.contextLength)
    }

    /// The steps of one rank, with the contents of its micro-batches.
    private func steps(
        _ count: Int, sequences: Int = 12, slots: Int, rank: Int, of worldSize: Int, from consumed: UInt64 = 0
    ) throws -> [BatchContents] {
        let plan = try BatchPlan(sequences: sequences, slots: slots, rank: rank, worldSize: worldSize)
        let reader = try BatchReader(samples(), plan: plan, seed: 7, consumedSamples: consumed)
        return try (0..<count).map { _ in BatchContents(try reader.next()) }
    }

    /// The steps of all ranks, with their batches concatenated.
    private func job(
        _ count: Int, sequences: Int = 12, slots: Int, worldSize: Int, from consumed: UInt64 = 0
    ) throws -> [BatchContents] {
        var job = try steps(count, sequences: sequences, slots: slots, rank: 0, of: worldSize, from: consumed)
        for rank in 1..<max(1, worldSize) where rank < worldSize {
            let others = try steps(count, sequences: sequences, slots: slots, rank: rank, of: worldSize, from: consumed)
            job = zip(job, others).map { $0 + $1 }
        }
        return job
    }

    @Test(arguments: [(8, 16, [1, 2, 4, 8]), (6, 12, [1, 3, 6])])
    func batchesDoNotDependOnWorldSize(slots: Int, sequences: Int, worldSizes: [Int]) throws {
        let alone = try job(9, sequences: sequences, slots: slots, worldSize: 1)
        for worldSize in worldSizes {
            #expect(try job(9, sequences: sequences, slots: slots, worldSize: worldSize) == alone)
        }
    }

    @Test(arguments: [1, 3, 6]) func everyEpochHasEachSampleOnce(worldSize: Int) throws {
        // 23 steps of 12 are 12 epochs of 23 samples, which end within batches. The three parts of the steps are
        // separate runs.
        var steps: [BatchContents] = []
        for (consumed, count) in [(0, 8), (96, 1), (108, 14)] as [(UInt64, Int)] {
            steps += try job(count, slots: 6, worldSize: worldSize, from: consumed)
        }
        #expect(steps.flatMap(\.sampleIndices) == Array(0..<276))
        // Sample i starts with token 4 · i.
        let firsts = steps.flatMap { step in stride(from: 0, to: step.inputs.count, by: 4).map { step.inputs[$0] } }
        for epoch in 0..<12 {
            let samples = firsts[epoch * 23..<(epoch + 1) * 23].map { $0 / 4 }
            #expect(samples.sorted() == Array(0..<23))
        }
        #expect(steps.reduce(0) { $0 + $1.targetCount } == 12 * 90)
    }

    @Test func resumedReaderContinuesTheSequence() throws {
        let whole = try job(20, slots: 4, worldSize: 2)
        for (stop, worldSize) in [(0, 4), (1, 1), (7, 4), (19, 2)] {
            let resumed = try job(20 - stop, slots: 4, worldSize: worldSize, from: UInt64(12 * stop))
            #expect(resumed == Array(whole[stop...]))
        }
    }

    @Test func slotContentsDoNotDependOnRank() throws {
        for worldSize in [1, 3, 6] {
            for rank in 0..<worldSize {
                let plan = try BatchPlan(sequences: 12, slots: 6, rank: rank, worldSize: worldSize)
                let batch = try steps(1, slots: 6, rank: rank, of: worldSize, from: 100)[0]
                let held = plan.localSlots.flatMap { slot in UInt64(100 + 2 * slot)..<UInt64(102 + 2 * slot) }
                #expect(batch.sampleIndices == held)
                #expect(plan.localSlots.count == 6 / worldSize)
            }
        }
    }

    @Test func prefetchedBatchesEqualDirectReads() throws {
        let samples = try samples()
        #expect(samples.count == Self.sampleCount)
        let sampler = Sampler(sampleCount: samples.count, seed: 7)
        let direct = try Batch(capacity: 6, samples.shape)
        for (step, read) in try steps(50, slots: 2, rank: 1, of: 2, from: 5).enumerated() {
            direct.removeAll()
            for index in UInt64(5 + 12 * step + 6)..<UInt64(5 + 12 * step + 12) {
                let draw = SampleDraw(index: index, isTraining: true, seed: 7)
                try direct.append(sampler.sample(atGlobalIndex: index).sample, of: samples, draw)
            }
            direct.close()
            #expect(read == BatchContents(direct))
        }
    }

    @Test func readsChosenStepsAgainAndAgain() throws {
        let plan = try BatchPlan(sequences: 12, slots: 2, rank: 1, worldSize: 2)
        let all = try steps(6, slots: 2, rank: 1, of: 2)
        let reader = try BatchReader(samples(), plan: plan, seed: 7, steps: [5, 0, 3])
        for step in [5, 0, 3, 5, 0] { #expect(BatchContents(try reader.next()) == all[step]) }
    }

    @Test func batchIsUnchangedUntilNext() throws {
        let plan = try BatchPlan(sequences: 4, slots: 1, rank: 0, worldSize: 1)
        let reader = try BatchReader(samples(), plan: plan, seed: 7)
        for _ in 0..<200 {
            let batch = try reader.next()
            let before = BatchContents(batch)
            for _ in 0..<100 where BatchContents(batch) != before {
                Issue.record("the batch changed under its reader")
                return
            }
        }
    }

    @Test func failureIsThrownAtItsStepAndRepeated() throws {
        let small = try Dataset.open(directory.path, vocabularySize: 90).stream(.train)
        let reader = try BatchReader(
            CausalSamples(small, contextLength: Self.contextLength),
            plan: BatchPlan(sequences: 1, slots: 1, rank: 0, worldSize: 1), seed: 7)
        // Token 90 occurs only in the last sample, which is read in the first epoch.
        var whole = 0
        let failure = try #require(
            #expect(throws: Failure.self) {
                for _ in 0..<Self.sampleCount {
                    // Lets the thread prefetch and fail before the step is requested.
                    usleep(1000)
                    _ = try reader.next()
                    whole += 1
                }
            })
        let place = (0..<UInt64(23)).first { reader.sampler.sample(atGlobalIndex: $0).sample == 22 }
        #expect(UInt64(whole) == place)
        #expect(failure.message.contains("token 90 at byte 1104"))
        for _ in 0..<3 { #expect(throws: failure) { _ = try reader.next() } }
    }

    @Test func readersCloseFilesAtTheirEnd() throws {
        let plan = try BatchPlan(sequences: 4, slots: 2, rank: 0, worldSize: 1)
        for taken in 0..<60 {
            let reader = try BatchReader(samples(), plan: plan, seed: 7)
            for _ in 0..<taken % 4 { _ = try reader.next() }
        }
        #expect(try openFilesInDirectory() == 0)
        let reader = try BatchReader(samples(), plan: plan, seed: 7)
        _ = try reader.next()
        #expect(try openFilesInDirectory() > 0)
        _ = consume reader
    }

    /// The number of this process's open files in the test's directory.
    private func openFilesInDirectory() throws -> Int {
        try FileSystem.list("/proc/self/fd").count { name in
            guard let target = realpath("/proc/self/fd/\(name)", nil) else { return false }
            defer { free(target) }
            return String(cString: target).hasPrefix(directory.path)
        }
    }

    @Test func rejectsImpossibleSampleCounter() throws {
        expectFailure(.badData, "consumed samples") { _ = try steps(1, slots: 1, rank: 0, of: 1, from: .max) }
    }
}
