import Collectives
import Glibc
import Kernels
import Models
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Training

struct AveragingTests {
    /// Sections of 32 · `sizes` elements.
    private func layout(_ sizes: [Int]) -> ParameterLayout {
        var layout = ParameterLayout()
        for (index, size) in sizes.enumerated() {
            layout.beginSection()
            if size > 0 { _ = layout.declare("p\(index)", [32 * size], .zeros, decays: false) }
        }
        return layout
    }

    @Test(arguments: [1, 100, chunkElements, chunkElements + 1, 10 * chunkElements - 7])
    func partsAreTheArena(count: Int) {
        for size in [1, 2, 3, 4, 7, 16] {
            let parts = (0..<size).map { chunkAlignedPart($0, of: size, arenaCount: count) }
            #expect(parts.first?.lowerBound == 0)
            #expect(parts.last?.upperBound == count)
            for (part, next) in zip(parts, parts.dropFirst()) { #expect(part.upperBound == next.lowerBound) }
            for part in parts where part.upperBound < count { #expect(part.upperBound % chunkElements == 0) }
            let chunks = parts.map { ($0.count + chunkElements - 1) / chunkElements }
            #expect(chunks.max()! - chunks.min()! <= 1, "\(parts)")
        }
    }

    /// Each element travels once, from the end of the arena down, and not before its section is final.
    @Test(arguments: [[1], [3, 1, 5], [40, 1, 1, 1, 1, 40], [1, 0, 2], [100]])
    func bucketsCoverTheArenaOnce(sizes: [Int]) {
        let layout = layout(sizes)
        for limit in [32, 64, 96, 100, 1 << 20] {
            let buckets = ExchangeAveraging<Float>.makeBuckets(layout, limit: limit)
            var border = layout.count
            for bucket in buckets {
                #expect(bucket.range.upperBound == border && !bucket.range.isEmpty)
                #expect(bucket.range.count <= limit)
                border = bucket.range.lowerBound
                let sections = layout.sections.indices.filter { layout.sections[$0].overlaps(bucket.range) }
                #expect(bucket.section <= sections.min()!)
            }
            #expect(border == 0)
            for (bucket, next) in zip(buckets, buckets.dropFirst()) { #expect(bucket.section >= next.section) }
            // All but the last are as large as the limit allows: small sections share a bucket.
            #expect(buckets.dropLast().allSatisfy { $0.range.count == limit })
        }
    }

    /// Alone, the result is the gradient, wherever it went.
    @Test func aloneNothingChanges() throws {
        let layout = layout([3, 1, 5])
        for strategy in [AveragingConfiguration.Strategy.auto, .allreduce, .sharedMemory] {
            var configuration = AveragingConfiguration()
            configuration.strategy = strategy
            configuration.bucketBytes = 1024
            let averaging: any GradientAveraging<Float> = try makeAveraging(
                configuration, layout: layout, SoloCommunicator())
            #expect(averaging.name == (strategy == .allreduce ? "allreduce" : "shared_memory"))
            #expect(averaging.owned == 0..<layout.count)
            for round in 1...3 {
                for index in 0..<layout.count { averaging.gradients.base[index] = Float(index * round) }
                #expect(try result(averaging, layout) == (0..<layout.count).map { Float($0 * round) })
                try averaging.release()
            }
        }
    }

    /// The exchange's result on any number of ranks is the tree sum, to the bit, on every rank and in every step.
    @Test(arguments: [1, 2, 3, 4, 6, 8], StorageType.allCases)
    func exchangeFollowsTheTree(ranks: Int, storage: StorageType) {
        switch storage {
        case .float32: exchangeFollowsTheTree(ranks, Float.self)
        case .float16: exchangeFollowsTheTree(ranks, Float16.self)
        }
    }

    private func exchangeFollowsTheTree<Element: Storage & Reducible>(_ ranks: Int, _: Element.Type) {
        let layout = layout([3, 1, 5, 17])
        func gradient(_ rank: Int, _ round: Int) -> [Element] {
            normals(layout.count, seed: UInt64(100 * round + rank)).map { Element($0) }
        }
        let failures = Mutex<[String]>([])
        LoopbackCommunicator.run(size: ranks) { communicator in
            do {
                var configuration = AveragingConfiguration()
                configuration.bucketBytes = 256
                let averaging = ExchangeAveraging<Element>(layout: layout, configuration, communicator)
                for round in 0..<3 {
                    let own = gradient(communicator.rank, round)
                    averaging.gradients.base.update(from: own, count: own.count)
                    let expected = AveragingTests.treeSum((0..<ranks).map { gradient($0, round) })
                    if try result(averaging, layout) != expected {
                        failures.withLock { $0.append("rank \(communicator.rank), round \(round)") }
                    }
                    averaging.release()
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock(\.self) == [])
    }

    /// The tree sum of a few arrays.
    static func treeSum<Element: Storage>(_ parts: [[Element]]) -> [Element] {
        if parts.count == 1 { return parts[0] }
        let middle = TreeSum.split(parts.count)
        let (left, right) = (treeSum(Array(parts[..<middle])), treeSum(Array(parts[middle...])))
        return zip(left, right).map { Element(Float($0) + Float($1)) }
    }
}

/// Takes a gradient through a step of `averaging`, and puts the segments of the result together.
private func result<Element: Storage>(
    _ averaging: any GradientAveraging<Element>, _ layout: ParameterLayout
) throws -> [Element] {
    for section in layout.sections.indices.reversed() { try averaging.sectionIsFinal(section) }
    try averaging.finish()
    return averaging.segments.flatMap { segment in segment.range.map { segment.base[$0] } }
}
