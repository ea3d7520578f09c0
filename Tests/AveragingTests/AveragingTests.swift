import Collectives
import Glibc
import Numbers
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Averaging

struct AveragingTests {
    /// A layout with sections of 32 · `sizes` elements.
    private func layout(_ sizes: [Int]) -> ParameterLayout {
        var layout = ParameterLayout()
        for (index, size) in sizes.enumerated() {
            layout.beginSection()
            if size > 0 { _ = layout.declare("p\(index)", [32 * size], .zeros, decays: false) }
        }
        return layout
    }

    @Test(arguments: [1, 100, chunkElements, chunkElements + 1, 10 * chunkElements - 7])
    func partsCoverTheArena(count: Int) {
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

    /// The buckets cover every element once, from the end of the arena to its start; a bucket is not sent before its
    /// sections are final.
    @Test(arguments: [[1], [3, 1, 5], [4000, 1, 1, 1, 1, 4000], [600, 0, 800], [10_000]])
    func bucketsCoverEveryElementOnce(sizes: [Int]) {
        let layout = layout(sizes)
        for ranks in [1, 2, 3, 8] {
            for limit in [32, 100_000, 1 << 20] {
                var configuration = AveragingConfiguration()
                configuration.bucketBytes = 4 * limit
                let buckets = ExchangeAveraging<Float>.makeBuckets(layout, configuration, ranks: ranks)
                let unit = chunkElements * ranks
                var border = buckets[0].range.upperBound
                #expect(border >= layout.count && border < layout.count + unit && border % unit == 0)
                for bucket in buckets {
                    #expect(bucket.range.upperBound == border && !bucket.range.isEmpty)
                    // Each rank's block consists of whole chunks.
                    #expect(bucket.range.count % unit == 0)
                    #expect(bucket.range.count <= max(limit, unit))
                    border = bucket.range.lowerBound
                    let sections = layout.sections.indices.filter { layout.sections[$0].overlaps(bucket.range) }
                    #expect(bucket.section <= sections.min()!)
                }
                #expect(border == 0)
                for (bucket, next) in zip(buckets, buckets.dropFirst()) { #expect(bucket.section >= next.section) }
                // All buckets are as large as the limit allows, but the last and the one that the first two sections
                // end.
                let smaller = buckets.filter { $0.range.count != max(limit / unit, 1) * unit }
                let end = (layout.sections.prefix(2).last!.upperBound + unit - 1) / unit * unit
                #expect(smaller.allSatisfy { $0.range.lowerBound == 0 || $0.range.lowerBound == end })
            }
        }
    }

    /// Without a configured size, buckets are the larger, the larger the model and the more nodes exchange them.
    @Test func bucketsGrowWithModelAndNodes() {
        var configuration = AveragingConfiguration()
        let sizes = [1, 7, 63, 255, 511].map {
            AveragingConfiguration.bucketBytes(arenaBytes: 2_600_000_000, peers: $0)
        }
        #expect(sizes == sizes.sorted() && Set(sizes).count == sizes.count)
        #expect(AveragingConfiguration.bucketBytes(arenaBytes: 43_000_000, peers: 1) == 4 << 20)
        #expect(AveragingConfiguration.bucketBytes(arenaBytes: 43_000_000, peers: 0) == 4 << 20)
        #expect(AveragingConfiguration.bucketBytes(arenaBytes: 1 << 50, peers: 65536) == 256 << 20)
        // √(2 · 2.6 GB · 255 · 8192) = 104 MB are 12 chunks for each rank.
        let elements = configuration.bucketElements(of: 1_300_000_000, stride: 2, ranks: 256, peers: 255)
        #expect(elements == 12 * 256 * chunkElements)
        configuration.bucketBytes = 16 << 20
        #expect(configuration.bucketElements(of: 1_300_000_000, stride: 2, ranks: 256, peers: 255) == 8 << 20)
    }

    /// With every strategy, each element belongs to the shard of one rank, in whole chunks.
    @Test(arguments: [1, 2, 3, 8])
    func shardsCoverTheArena(ranks: Int) {
        let layout = layout([600, 0, 5000, 1])
        let failures = Mutex<[String]>([])
        LoopbackCommunicator.run(size: ranks) { communicator in
            var configuration = AveragingConfiguration()
            configuration.bucketBytes = 300_000
            let shards = ExchangeAveraging<Float>(layout: layout, configuration, communicator).shards
            let ranges = shards.flatMap(\.ranges).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
            let isWhole =
                ranges.first!.lowerBound == 0 && ranges.last!.upperBound == layout.count
                && zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }
                && ranges.allSatisfy { $0.lowerBound % chunkElements == 0 }
            if shards.count != ranks || !isWhole { failures.withLock { $0.append("\(shards)") } }
        }
        #expect(failures.withLock(\.self) == [])
    }

    @Test func autoChoosesByNodes() {
        var configuration = AveragingConfiguration()
        #expect(configuration.preferred(nodes: nodes([1])) == .sharedMemory)
        #expect(configuration.preferred(nodes: nodes([4])) == .sharedMemory)
        #expect(configuration.preferred(nodes: nodes([1, 1])) == .allreduce)
        #expect(configuration.preferred(nodes: nodes([1, 2])) == .hierarchical)
        configuration.wire = .float16
        #expect(configuration.preferred(nodes: nodes([1])) == .allreduce)
        #expect(configuration.preferred(nodes: nodes([4])) == .hierarchical)
        configuration.strategy = .allreduce
        #expect(configuration.preferred(nodes: nodes([2, 2])) == .allreduce)
    }

    /// Each block of a rank is added once on every other node, and its weights come back the same way.
    @Test(arguments: [[1, 1], [2, 2], [3, 1], [1, 3], [4, 4, 4], [3, 3, 2], [5]])
    func routesPairOwnersWithPartners(sizes: [Int]) {
        let nodes = nodes(sizes)
        let routes = (0..<nodes.last!.upperBound).map { NodeRoute(nodes, rank: $0) }
        for (rank, route) in routes.enumerated() {
            #expect(route.partners.count == nodes.count - 1)
            for partner in route.partners {
                #expect(routes[partner.rank].owners.contains(rank))
                #expect(partner.subtrees == routes[partner.rank].ownSubtrees)
            }
            for owner in route.owners { #expect(routes[owner].partners.contains { $0.rank == rank }) }
            #expect(route.leaves.flatMap(Array.init) == Array(routes.indices))
        }
        if sizes == [3, 1] {
            #expect(routes[3].partners == [.init(rank: 0, subtrees: [0..<2, 2..<3])])
            #expect(routes[3].leaves == [0..<2, 2..<3, 3..<4])
            let schedule = SumSchedule(of: 0..<4, from: routes[3].leaves, spansLevels: true)
            #expect(schedule.sums == [[1, 2], [0, 1]])
        }
        if sizes == [4, 4, 4] {
            #expect(
                SumSchedule(of: 0..<12, from: routes[0].leaves, spansLevels: true).sums == [[0, 1, 2, 3, 4], [0, 5]])
        }
    }

    @Test func piecesOfAShardAreConsecutive() {
        let shard = Shard([10..<20, 20..<20, 40..<70])
        #expect(shard.count == 40)
        #expect(shard.pieces(of: 0..<100) == [.init(range: 10..<20, start: 0), .init(range: 40..<70, start: 10)])
        #expect(shard.pieces(of: 15..<50) == [.init(range: 15..<20, start: 5), .init(range: 40..<50, start: 10)])
        #expect(shard.pieces(of: 20..<40) == [])
    }

    /// With a single rank, the result is the rank's gradient.
    @Test func singleRankKeepsItsGradient() throws {
        let layout = layout([3, 1, 5])
        for strategy in [AveragingConfiguration.Strategy.auto, .allreduce, .sharedMemory, .hierarchical] {
            var configuration = AveragingConfiguration()
            configuration.strategy = strategy
            configuration.bucketBytes = 1024
            let averaging = try AveragingChoice<Float>(configuration, layout: layout, SoloCommunicator()).averaging
            #expect(averaging.name == (strategy == .auto ? "shared_memory" : strategy.rawValue))
            #expect(averaging.shards.map(\.count) == [layout.count])
            for round in 1...3 {
                for index in 0..<layout.count { averaging.gradients.base[index] = Float(index * round) }
                try average(averaging, layout)
                let expected = (0..<layout.count).map { Float($0 * round) }
                #expect(array(averaging.gradients.base, layout.count) == expected)
                #expect(averaging.chunkSquares.reduce(0, +) == expected.reduce(0) { $0 + Double($1) * Double($1) })
            }
        }
    }

    /// For any number of ranks and in every step, the result of the exchange equals the tree sum bit for bit; the
    /// updated shards reach all ranks.
    @Test(arguments: [1, 2, 3, 4, 6, 8], StorageType.allCases)
    func exchangeFollowsTheTree(ranks: Int, storage: StorageType) {
        switch storage {
        case .float32: exchangeFollowsTheTree(ranks, Float.self)
        case .float16: exchangeFollowsTheTree(ranks, Float16.self)
        case .bfloat16: exchangeFollowsTheTree(ranks, BFloat16.self)
        }
    }

    private func exchangeFollowsTheTree<Element: Storage>(_ ranks: Int, _: Element.Type) {
        followsTheTree((0..<ranks).map { $0..<$0 + 1 }, Element.self) { ExchangeAveraging(layout: $0, $1, $2) }
    }

    /// The same for any distribution of ranks over nodes, also one whose nodes are not subtrees.
    @Test(arguments: [[4], [2, 2], [1, 1, 1, 1], [3, 1], [1, 3], [2, 1, 2], [3, 3, 2]], StorageType.allCases)
    func hierarchyFollowsTheTree(sizes: [Int], storage: StorageType) {
        let nodes = nodes(sizes)
        switch storage {
        case .float32: followsTheTree(nodes, Float.self) { try HierarchicalAveraging(layout: $0, $1, $2) }
        case .float16: followsTheTree(nodes, Float16.self) { try HierarchicalAveraging(layout: $0, $1, $2) }
        case .bfloat16: followsTheTree(nodes, BFloat16.self) { try HierarchicalAveraging(layout: $0, $1, $2) }
        }
    }

    /// Every node of the tree but its root is rounded to the wire's format, wherever it is computed.
    @Test(arguments: [[4], [2, 2], [3, 1], [2, 1, 2]], [AveragingConfiguration.Wire.float16, .bfloat16])
    func hierarchyRoundsNodes(sizes: [Int], wire: AveragingConfiguration.Wire) {
        followsTheTree(nodes(sizes), Float.self, wire) { try HierarchicalAveraging(layout: $0, $1, $2) }
    }

    /// Nodes of `sizes` ranks each.
    private func nodes(_ sizes: [Int]) -> [Range<Int>] {
        sizes.indices.map { sizes[..<$0].reduce(0, +)..<sizes[...$0].reduce(0, +) }
    }

    private func followsTheTree<Element: Storage>(
        _ nodes: [Range<Int>], _: Element.Type, _ wire: AveragingConfiguration.Wire = .float32,
        _ make:
            @escaping (ParameterLayout, AveragingConfiguration, any Communicator) throws ->
            any GradientAveraging<Element>
    ) {
        let ranks = nodes.last!.upperBound
        // More buckets than exchange buffers, and a shorter last bucket.
        let layout = layout([500, 1, 500 * ranks, 2001 * ranks])
        let codec = ChunkCodec(wire, of: Element.self)
        func rounded(_ values: [Element]) -> [Element] {
            guard let codec, var floats = values as? [Float] else { return values }
            for start in stride(from: 0, to: floats.count, by: chunkElements) {
                floats.withUnsafeMutableBufferPointer {
                    codec.round($0.baseAddress! + start, min(chunkElements, $0.count - start))
                }
            }
            return floats as! [Element]
        }
        func gradient(_ rank: Int, _ round: Int) -> [Element] {
            rounded(normals(layout.count, seed: UInt64(100 * round + rank)).map { Element($0) })
        }
        func sum(_ parts: [[Element]], isRoot: Bool = true) -> [Element] {
            if parts.count == 1 { return parts[0] }
            let middle = TreeSum.split(parts.count)
            let halves = [sum(Array(parts[..<middle]), isRoot: false), sum(Array(parts[middle...]), isRoot: false)]
            return isRoot ? treeSum(halves) : rounded(treeSum(halves))
        }
        let expected = (0..<2).map { round in sum((0..<ranks).map { gradient($0, round) }) }
        let failures = Mutex<[String]>([])
        LoopbackCommunicator.run(nodes: nodes) { communicator in
            do {
                var configuration = AveragingConfiguration()
                (configuration.bucketBytes, configuration.wire) = (1024, wire)
                let averaging = try make(layout, configuration, communicator)
                for round in 0..<2 {
                    let own = gradient(communicator.rank, round)
                    averaging.gradients.base.update(from: own, count: own.count)
                    try average(averaging, layout)
                    // Uses the averaged gradients as the new weights.
                    for (index, range) in averaging.shards[communicator.rank].ranges.enumerated() {
                        (averaging.weights.base + range.lowerBound).update(
                            from: averaging.gradients.base + range.lowerBound, count: range.count)
                        try averaging.rangeIsUpdated(index)
                    }
                    if averaging.publishesBySection {
                        // The weights of a section may be read as soon as they have arrived.
                        for (index, section) in layout.sections.enumerated() {
                            try averaging.requireWeights(of: index)
                            if array(averaging.weights.base, section.upperBound)
                                != Array(expected[round][..<section.upperBound])
                            {
                                failures.withLock { $0.append("rank \(communicator.rank), section \(index)") }
                            }
                        }
                    }
                    try averaging.publish()
                    // All squares of the average, each chunk on one rank.
                    let squares = averaging.shards[communicator.rank].ranges.filter { !$0.isEmpty }.allSatisfy {
                        averaging.chunkSquares[$0.lowerBound / chunkElements] > 0
                    }
                    if !squares { failures.withLock { $0.append("squares of rank \(communicator.rank)") } }
                    if array(averaging.weights.base, layout.count) != expected[round] {
                        failures.withLock { $0.append("rank \(communicator.rank), round \(round)") }
                    }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock(\.self) == [])
    }
}

/// Passes a gradient through one step of `averaging`.
private func average<Element: Storage>(
    _ averaging: any GradientAveraging<Element>, _ layout: ParameterLayout
) throws {
    for section in layout.sections.indices.reversed() { try averaging.sectionIsFinal(section) }
    try averaging.finish()
}
