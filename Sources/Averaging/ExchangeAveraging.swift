import Collectives
import Numbers
import Profiling
import Tensors

/// Gradient averaging by MPI collectives, over any network: reduce-scatter, update, all-gather.
///
/// `MPI_Allreduce` sums in an unspecified order, which changes with the number of ranks, the algorithm and the message
/// size. Therefore the arena is divided into buckets, and each bucket into one block per rank. Each rank receives its
/// block of every rank's bucket (`MPI_Ialltoall`) and sums these blocks along the tree of `TreeSum`; its blocks are its
/// shard. After updating the weights of a block, it sends them to all ranks (`MPI_Iallgather`). This transfers as many
/// bytes as an optimal all-reduce, and the result's bits do not depend on the number of ranks. A bucket is sent as soon
/// as its gradients are final, while earlier layers are still in their backward pass. MPI reads from and writes to the
/// arenas directly, which are padded to whole blocks.
final class ExchangeAveraging<Element: Storage>: GradientAveraging {
    let name = "allreduce"
    let hasReplicas = true
    let weights: Arena<Element>
    let gradients: Arena<Element>
    let shards: [Shard]
    let chunkSquares: UnsafeMutableBufferPointer<Double>
    private let communicator: any Communicator
    private let spans: SpanRecorder
    private let buckets: [Bucket]
    /// This rank's block of each bucket, without padding.
    private let blocks: [Range<Int>]
    private let exchanges: [any ExchangeLane<Element>]
    let roundNode: NodeRounding?
    /// The last element of each section.
    private let sectionEnds: [Int]
    /// The new weights under way, by range of the shard.
    private let gathers: [GatherLane]
    /// The number of ranges that this rank has updated, and of those whose weights have arrived from all ranks.
    private var (updated, arrived) = (0, 0)
    /// The index of the next bucket to send. Buckets are in the order in which they become final.
    private var started = 0
    /// The index of the oldest bucket that is not yet summed.
    private var oldest = 0
    private var order: StepOrder

    /// Creates arenas for `layout`, sent in buckets.
    init(
        layout: ParameterLayout, _ configuration: AveragingConfiguration, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) {
        self.spans = spans
        self.communicator = communicator
        let size = communicator.size
        let buckets = ExchangeAveraging.makeBuckets(layout, configuration, ranks: size)
        self.buckets = buckets
        weights = Arena(count: buckets[0].range.upperBound)
        gradients = Arena(count: buckets[0].range.upperBound)
        func block(_ rank: Int, _ bucket: Bucket) -> Range<Int> {
            let count = bucket.range.count / size
            let start = bucket.range.lowerBound + rank * count
            return (start..<start + count).clamped(to: 0..<layout.count)
        }
        shards = (0..<size).map { rank in Shard(buckets.reversed().map { block(rank, $0) }) }
        blocks = buckets.map { block(communicator.rank, $0) }
        chunkSquares = makeChunkSquares(elements: layout.count)
        sectionEnds = layout.sections.map(\.upperBound)
        gathers = buckets.map { _ in GatherLane() }
        order = StepOrder(sections: layout.sections.count, ranges: buckets.count)
        let largest = buckets.map(\.range.count).max()!
        // A single rank sends nothing; its gradients are rounded as if they were sent.
        let codec = ChunkCodec(configuration.wire, of: Element.self)
        roundNode = codec?.round
        exchanges = (0..<ExchangeAveraging.laneCount(buckets)).map { _ in
            let elements = largest / size
            let halves: (any ExchangeLane)? =
                size == 1 ? nil : codec.map { HalfLane($0, blockElements: elements, communicator) }
            return halves as? any ExchangeLane<Element> ?? PlainLane<Element>(blockElements: elements, communicator)
        }
    }

    deinit { chunkSquares.deallocate() }

    /// The most buckets of gradients that are under way at once.
    static func laneCount(_ buckets: [Bucket]) -> Int { min(4, buckets.count) }

    /// Divides the arena, padded to a multiple of one chunk per rank, into buckets, each of which is such a multiple.
    static func makeBuckets(
        _ layout: ParameterLayout, _ configuration: AveragingConfiguration, ranks: Int
    ) -> [Bucket] {
        let unit = chunkElements * ranks
        return Bucket.all(
            layout, count: max((layout.count + unit - 1) / unit, 1) * unit, unit: unit,
            largest: configuration.bucketElements(
                of: layout.count, stride: MemoryLayout<Element>.stride, ranks: ranks, peers: ranks - 1))
    }

    func sectionIsFinal(_ section: Int) throws(MPIError) {
        order.sectionIsFinal(section)
        while started < buckets.count, buckets[started].section >= section {
            // The channel must have completed its previous bucket.
            while started - oldest >= exchanges.count { try sumOldest(waiting: true) }
            let range = buckets[started].range
            if started == 0 { spans.transferBegan(.averaging) }
            try spans.measure(.bucket, started) { () throws(MPIError) in
                try exchanges[started % exchanges.count].start(
                    UnsafeMutableBufferPointer(start: gradients.base + range.lowerBound, count: range.count))
            }
            started += 1
        }
        while oldest < started, try sumOldest(waiting: false) {}
    }

    func finish() throws(MPIError) {
        order.finish()
        while oldest < started { try sumOldest(waiting: true) }
        spans.transferEnded(.averaging)
        (started, oldest) = (0, 0)
    }

    let publishesBySection = true

    func rangeIsUpdated(_ index: Int) throws(MPIError) {
        order.rangeIsUpdated(index)
        if index == 0 { spans.transferBegan(.weights) }
        // Ranges of the shard are in ascending order, buckets in descending order.
        try gathers[index].start(weights.bytes(of: buckets[buckets.count - 1 - index].range), communicator)
        updated = index + 1
        try takeWeights(of: 0)
    }

    func requireWeights(of section: Int) throws(MPIError) {
        order.requireWeights()
        try takeWeights(of: buckets.count { $0.range.lowerBound < sectionEnds[section] })
    }

    func publish() throws(MPIError) {
        order.publish()
        try takeWeights(of: buckets.count)
        (updated, arrived) = (0, 0)
    }

    /// Notes the ranges whose weights have arrived, and waits for the first `needed`.
    private func takeWeights(of needed: Int) throws(MPIError) {
        let before = arrived
        while arrived < updated, try gathers[arrived].test() { arrived += 1 }
        if arrived < needed {
            try spans.measure(.waiting) { () throws(MPIError) in
                while arrived < needed {
                    try gathers[arrived].wait()
                    arrived += 1
                }
            }
        }
        if arrived == buckets.count, before < arrived { spans.transferEnded(.weights) }
    }

    func publishFromFirstRank() throws(MPIError) {
        order.publishFromFirstRank()
        try communicator.broadcast(weights.bytes(of: 0..<weights.count), from: 0)
    }

    /// Sums this rank's block of the oldest bucket under way.
    ///
    /// - Returns: Whether it was summed: false if some of its data has not arrived and `waiting` is false.
    @discardableResult
    private func sumOldest(waiting: Bool) throws(MPIError) -> Bool {
        let exchange = exchanges[oldest % exchanges.count]
        return try spans.measure(.bucket, oldest) { () throws(MPIError) in
            let isDone =
                waiting
                ? try spans.measure(.waiting) { () throws(MPIError) in try exchange.isDone(waiting: true) }
                : try exchange.isDone(waiting: false)
            guard isDone else { return false }
            exchange.average(blocks[oldest], into: gradients, squares: chunkSquares)
            oldest += 1
            return true
        }
    }
}
