import Collectives
import Glibc
import Numbers
import Profiling
import Tensors
import Threads

/// Gradient averaging over several nodes with several ranks each: shared memory within a node, messages between nodes.
///
/// As in `SharedMemoryAveraging`, the gradients of a node's ranks are in shared memory, and they compute with one copy
/// of the weights. As in `ExchangeAveraging`, the arena is divided into buckets, each with a block for every rank, and
/// a bucket is sent as soon as its gradients are final on all ranks of the node. `NodeRoute` says who adds and sends
/// which block: each travels once per node, however many ranks the node has. A sum over a node is written over the
/// gradient of its first rank and sent from there, so only received sums need memory of their own.
///
/// The sums of nodes are nodes of the tree over ranks, and the owner of a block continues this tree (`SumSchedule`).
/// The distribution of ranks over nodes therefore changes no bit of the result.
final class HierarchicalAveraging<Element: Storage>: GradientAveraging {
    let name = "hierarchical"
    let hasReplicas: Bool
    let weights: Arena<Element>
    let gradients: Arena<Element>
    let shards: [Shard]
    let chunkSquares: UnsafeMutableBufferPointer<Double>
    var roundNode: NodeRounding? { codec?.round }
    private let communicator: any Communicator
    private let spans: SpanRecorder
    private let codec: ChunkCodec?
    private let buckets: [Bucket]
    private let route: NodeRoute
    /// The sum of each subtree of this node, and of this rank's blocks over all ranks.
    private let subtreeSums: [SumSchedule]
    private let blockSum: SumSchedule
    private let window: SharedWindow
    /// The gradient of each rank of this node.
    private let replicas: [UnsafeMutablePointer<Element>]
    private let lanes: [NodeLane<Element>]
    /// The number of buckets that are final on each rank of this node, counted over all steps.
    private let finalBuckets: NodeCounters
    /// The number of buckets of earlier steps.
    private var base = 0
    /// The next bucket to become final on this rank, to be received, to be added over the node, and to be averaged.
    private var (final, received, added, averaged) = (0, 0, 0, 0)
    /// The new weights that this rank sends, and those that it receives for each range of a shard.
    private let weightSends = Transfers()
    private let weightReceives: [Transfers]
    /// The number of ranges whose new weights have arrived at each rank of this node or were computed by it, counted
    /// over all updates.
    private let arrivedRanges: NodeCounters
    /// The number of ranges of earlier updates.
    private var publishedRanges = 0
    /// The number of ranges that this rank has updated, and of those that have arrived.
    private var (updated, arrived) = (0, 0)
    /// The last element of each section.
    private let sectionEnds: [Int]
    private var order: StepOrder

    /// Allocates shared arenas for `layout`. Collective: every rank calls it; the ranks of each node must be able to
    /// share memory.
    init(
        layout: ParameterLayout, _ configuration: AveragingConfiguration, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) throws(MPIError) {
        (self.communicator, self.spans) = (communicator, spans)
        let (count, size) = (layout.count, communicator.size)
        hasReplicas = communicator.nodes.count > 1
        let bytes = count * MemoryLayout<Element>.stride
        window = try communicator.makeWindow(bytes: bytes)
        gradients = Arena(window.base, count: count, owner: window)
        let common = try communicator.makeCommonWindow(bytes: bytes)
        weights = Arena(common.base, count: count, owner: common)
        replicas = window.parts.map { $0.assumingMemoryBound(to: Element.self) }
        finalBuckets = try NodeCounters(communicator)
        arrivedRanges = try NodeCounters(communicator)
        sectionEnds = layout.sections.map(\.upperBound)
        chunkSquares = makeChunkSquares(elements: count)

        let codec = ChunkCodec(configuration.wire, of: Element.self)
        self.codec = codec
        let buckets = HierarchicalAveraging.makeBuckets(layout, configuration, nodes: communicator.nodes)
        self.buckets = buckets
        shards = (0..<size).map { rank in
            Shard(buckets.reversed().map { HierarchicalAveraging.block(rank, of: size, $0, count: count) })
        }
        order = StepOrder(sections: layout.sections.count, ranges: buckets.count)
        weightReceives = buckets.map { _ in Transfers() }

        let route = NodeRoute(communicator.nodes, rank: communicator.rank)
        self.route = route
        subtreeSums = route.ownSubtrees.map { subtree in
            SumSchedule(of: subtree, from: subtree.map { $0..<$0 + 1 }, spansLevels: codec == nil)
        }
        blockSum = SumSchedule(of: 0..<size, from: route.leaves, spansLevels: codec == nil)
        let largest = buckets.map(\.range.count).max()!
        let blockChunks = (largest / chunkElements + size - 1) / size
        lanes = (0..<HierarchicalAveraging.laneCount(buckets)).map { _ in
            NodeLane(
                received: route.leaves.count - communicator.localSize, blockElements: blockChunks * chunkElements,
                sentChunks: blockChunks * route.owners.count * route.ownSubtrees.count, codec, communicator)
        }
    }

    deinit { chunkSquares.deallocate() }

    /// The size of the windows of all ranks of a node together, in bytes, with one page more for each part.
    static func windowBytes(count: Int, ranks: Int) -> Int {
        SharedMemoryAveraging<Element>.windowBytes(count: count, ranks: ranks) + 3 * 16384
    }

    /// The most buckets of gradients that are under way at once.
    static func laneCount(_ buckets: [Bucket]) -> Int { min(4, buckets.count) }

    /// Divides the arena, padded to whole chunks, into buckets.
    static func makeBuckets(
        _ layout: ParameterLayout, _ configuration: AveragingConfiguration, nodes: [Range<Int>]
    ) -> [Bucket] {
        let wholeChunks = (layout.count + chunkElements - 1) / chunkElements * chunkElements
        return Bucket.all(
            layout, count: max(wholeChunks, chunkElements), unit: chunkElements,
            largest: configuration.bucketElements(
                of: layout.count, stride: MemoryLayout<Element>.stride, ranks: nodes.last!.upperBound,
                peers: nodes.count - 1))
    }

    /// The block of `rank`: one of `size` nearly equal parts of a bucket, within an arena of `count` elements.
    static func block(_ rank: Int, of size: Int, _ bucket: Bucket, count: Int) -> Range<Int> {
        let part = chunkAlignedPart(rank, of: size, arenaCount: bucket.range.count)
        let start = bucket.range.lowerBound
        return (start + part.lowerBound..<start + part.upperBound).clamped(to: 0..<count)
    }

    /// The block of `rank` of bucket `index`.
    private func block(_ rank: Int, _ index: Int) -> Range<Int> { shards[rank].ranges[buckets.count - 1 - index] }

    // MARK: Gradients

    func sectionIsFinal(_ section: Int) throws(MPIError) {
        order.sectionIsFinal(section)
        let before = final
        while final < buckets.count, buckets[final].section >= section { final += 1 }
        if final > before {
            if before == 0 { spans.transferBegan(.averaging) }
            finalBuckets.set(base + final)
        }
        _ = try advance()
    }

    func finish() throws(MPIError) {
        order.finish()
        try wait(until: { averaged == buckets.count && isSent }, advancing: advance)
        spans.transferEnded(.averaging)
        base += buckets.count
        (final, received, added, averaged) = (0, 0, 0, 0)
    }

    /// Whether all sums that this rank has sent have left its memory, as far as known.
    private var isSent: Bool { lanes.allSatisfy(\.sends.isEmpty) }

    /// Does what can be done for the buckets under way without waiting.
    ///
    /// - Returns: Whether it did anything.
    private func advance() throws(MPIError) -> Bool {
        var hasAdvanced = false
        for lane in lanes where !lane.sends.isEmpty { hasAdvanced = try lane.sends.test() || hasAdvanced }
        while received < buckets.count, received - averaged < lanes.count, lane(received).sends.isEmpty {
            try receive(received)
            received += 1
            hasAdvanced = true
        }
        while added < received, finalBuckets.smallest > base + added {
            try spans.measure(.bucket, added) { () throws(MPIError) in try addOverNode(added) }
            added += 1
            hasAdvanced = true
        }
        while averaged < added, try lane(averaged).receives.test() {
            spans.measure(.bucket, averaged) { average(averaged) }
            averaged += 1
            hasAdvanced = true
        }
        return hasAdvanced
    }

    private func lane(_ bucket: Int) -> NodeLane<Element> { lanes[bucket % lanes.count] }

    /// Starts to receive the sums of other nodes for this rank's block of a bucket.
    private func receive(_ bucket: Int) throws(MPIError) {
        let (lane, block) = (lane(bucket), block(communicator.rank, bucket))
        lane.clear()
        if block.isEmpty { return }
        var index = 0
        for partner in route.partners {
            for _ in partner.subtrees {
                try lane.receive(index, count: block.count, from: partner.rank)
                index += 1
            }
        }
    }

    /// Adds the blocks of a bucket that belong to ranks of other nodes over this node, and starts to send them.
    private func addOverNode(_ bucket: Int) throws(MPIError) {
        let first = communicator.rank - communicator.localRank
        for owner in route.owners {
            let block = block(owner, bucket)
            if block.isEmpty { continue }
            for (subtree, schedule) in zip(route.ownSubtrees, subtreeSums) {
                let target = replicas[subtree.lowerBound - first]
                if subtree.count > 1 {
                    forEachChunk(of: block) { start, count in
                        withUnsafeTemporaryAllocation(
                            of: UnsafeMutablePointer<Element>.self, capacity: subtree.count
                        ) { parts in
                            for index in 0..<subtree.count {
                                parts.initializeElement(
                                    at: index, to: replicas[subtree.lowerBound - first + index] + start)
                            }
                            _ = schedule.add(
                                parts, into: target + start, count: count, round: codec?.round, roundsRoot: true)
                        }
                    }
                }
                try lane(bucket).send(target + block.lowerBound, count: block.count, to: owner)
            }
        }
    }

    /// Adds this rank's block of a bucket over all ranks, after the sums of other nodes have arrived.
    private func average(_ bucket: Int) {
        let (lane, block) = (lane(bucket), block(communicator.rank, bucket))
        let (leaves, own) = (route.leaves, communicator.nodes[communicator.nodeIndex])
        forEachChunk(of: block) { start, count in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Element>.self, capacity: leaves.count) { parts in
                var sums = 0
                for (index, leaf) in leaves.enumerated() {
                    let part: UnsafeMutablePointer<Element>
                    if own.contains(leaf.lowerBound) {
                        part = replicas[leaf.lowerBound - own.lowerBound] + start
                    } else {
                        let offset = start - block.lowerBound
                        lane.decode(sums, chunk: offset / chunkElements, count: count)
                        part = lane.sum(sums) + offset
                        sums += 1
                    }
                    parts.initializeElement(at: index, to: part)
                }
                chunkSquares[start / chunkElements] = blockSum.add(
                    parts, into: gradients.base + start, count: count, round: codec?.round, roundsRoot: false)
            }
        }
    }

    /// Calls `body` with the first element and the size of each chunk of `block`, on all compute threads.
    private func forEachChunk(of block: Range<Int>, _ body: (_ start: Int, _ count: Int) -> Void) {
        parallel((block.count + chunkElements - 1) / chunkElements) { chunk in
            let start = block.lowerBound + chunk * chunkElements
            body(start, min(chunkElements, block.upperBound - start))
        }
    }

    // MARK: Weights

    let publishesBySection = true

    func rangeIsUpdated(_ index: Int) throws(MPIError) {
        order.rangeIsUpdated(index)
        if index == 0 {
            spans.transferBegan(.weights)
            try receiveWeights()
        }
        let block = shards[communicator.rank].ranges[index]
        if !block.isEmpty {
            for partner in route.partners {
                weightSends.add(
                    try communicator.startSend(
                        UnsafeRawBufferPointer(weights.bytes(of: block)), to: partner.rank, .weights))
            }
        }
        updated = index + 1
        _ = try takeWeights()
    }

    /// Starts to receive the new weights of all blocks for which this rank is a partner; no rank of this node reads
    /// weights any more.
    private func receiveWeights() throws(MPIError) {
        for index in buckets.indices {
            for owner in route.owners {
                let block = shards[owner].ranges[index]
                if block.isEmpty { continue }
                weightReceives[index].add(
                    try communicator.startReceive(weights.bytes(of: block), from: owner, .weights))
            }
        }
    }

    /// Notes the ranges that have arrived.
    ///
    /// - Returns: Whether there were any.
    private func takeWeights() throws(MPIError) -> Bool {
        let before = arrived
        _ = try weightSends.test()
        while arrived < updated, try weightReceives[arrived].test() { arrived += 1 }
        if arrived == before { return false }
        arrivedRanges.set(publishedRanges + arrived)
        if arrived == buckets.count { spans.transferEnded(.weights) }
        return true
    }

    func requireWeights(of section: Int) throws(MPIError) {
        order.requireWeights()
        // Ranges are in the order of the arena.
        let count = publishedRanges + buckets.count { $0.range.lowerBound < sectionEnds[section] }
        _ = try takeWeights()
        if arrivedRanges.smallest >= count { return }
        try wait(until: { arrivedRanges.smallest >= count }, advancing: takeWeights)
    }

    func publish() throws(MPIError) {
        order.publish()
        let count = publishedRanges + buckets.count
        try wait(until: { arrivedRanges.smallest >= count && weightSends.isEmpty }, advancing: takeWeights)
        (publishedRanges, updated, arrived) = (count, 0, 0)
    }

    /// Waits until `isDone` returns true, while calling `advance`, which returns whether it has done anything.
    private func wait(
        until isDone: () -> Bool, advancing advance: () throws(MPIError) -> Bool
    ) throws(MPIError) {
        try spans.measure(.waiting) { () throws(MPIError) in
            var idleRounds = 0
            while !isDone() {
                idleRounds = try advance() ? 0 : idleRounds + 1
                // A rank of this node may need the core to get on.
                if idleRounds > 200 { usleep(50) } else if idleRounds > 0 { sched_yield() }
            }
        }
    }

    func publishFromFirstRank() throws(MPIError) {
        order.publishFromFirstRank()
        let (nodes, node) = (communicator.nodes, communicator.nodeIndex)
        if communicator.localRank == 0 {
            // In each round, the nodes that have the weights send them to as many others.
            var reach = 1
            while reach < nodes.count {
                for start in stride(from: 0, to: weights.count, by: maximumCallBytes / MemoryLayout<Element>.stride) {
                    let end = min(start + maximumCallBytes / MemoryLayout<Element>.stride, weights.count)
                    let bytes = weights.bytes(of: start..<end)
                    if node < reach, node + reach < nodes.count {
                        try communicator.send(UnsafeRawBufferPointer(bytes), to: nodes[node + reach].lowerBound)
                    } else if node >= reach, node < 2 * reach {
                        try communicator.receive(bytes, from: nodes[node - reach].lowerBound)
                    }
                }
                reach *= 2
            }
        }
        try window.synchronize()
    }
}
