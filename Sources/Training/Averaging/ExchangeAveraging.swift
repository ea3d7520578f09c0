import Collectives
import Kernels
import Profiling
import Tensors

/// Averaging with MPI collectives alone, over any network: an allreduce made of exchange, sum and gather.
///
/// `MPI_Allreduce` sums in an order of its own, which changes with the number of ranks, the algorithm and the message's
/// size. Here each rank gets block r of every rank's bucket (`MPI_Ialltoall`), sums the blocks along the tree that
/// defines the result, and gives its block to all (`MPI_Iallgather`): as many bytes as the best allreduce, and the same
/// bits for any number of ranks. A bucket starts as soon as its gradients are final, while earlier layers are still in
/// their backward pass.
final class ExchangeAveraging<Element: Storage>: GradientAveraging {
    let name = "allreduce"
    let gradients: Arena<Element>
    let segments: [GradientSegment<Element>]
    let owned: Range<Int>
    private let communicator: any Communicator
    private let spans: SpanRecorder
    private let buckets: [Bucket]
    private let lanes: [ExchangeLane<Element>]
    /// Buckets in the order in which they become final; those before `started` are under way or done.
    private var started = 0
    /// The oldest bucket whose exchange or gather is not finished.
    private var oldestExchange = 0
    private var oldestGather = 0

    /// A range of the arena that travels together, final when `section` is.
    struct Bucket {
        let range: Range<Int>
        let section: Int
    }

    /// Averaging of arenas of `layout`, in buckets of at most `configuration.bucketBytes`.
    init(
        layout: ParameterLayout, _ configuration: AveragingConfiguration, _ communicator: any Communicator,
        _ spans: SpanRecorder = SpanRecorder()
    ) {
        self.spans = spans
        self.communicator = communicator
        gradients = Arena(count: layout.count)
        segments = [GradientSegment(range: 0..<layout.count, base: UnsafePointer(gradients.base))]
        owned = chunkAlignedPart(communicator.rank, of: communicator.size, arenaCount: layout.count)
        let limit = max(configuration.bucketBytes / MemoryLayout<Element>.stride, 32)
        buckets = ExchangeAveraging.makeBuckets(layout, limit: limit)
        let largest = buckets.map(\.range.count).max() ?? 0
        lanes = (0..<min(4, buckets.count)).map { _ in
            ExchangeLane(capacity: largest, communicator)
        }
    }

    /// Cuts the arena, from its end down, into buckets of at most `limit` elements; small sections share one.
    static func makeBuckets(_ layout: ParameterLayout, limit: Int) -> [Bucket] {
        var buckets: [Bucket] = []
        var open: Range<Int>?
        for (section, range) in layout.sections.enumerated().reversed() {
            var rest = range.lowerBound..<(open?.upperBound ?? range.upperBound)
            while rest.count >= limit {
                buckets.append(Bucket(range: rest.upperBound - limit..<rest.upperBound, section: section))
                rest = rest.lowerBound..<rest.upperBound - limit
            }
            open = rest.isEmpty ? nil : rest
        }
        if let open { buckets.append(Bucket(range: open, section: 0)) }
        return buckets
    }

    func sectionIsFinal(_ section: Int) throws(MPIError) {
        while started < buckets.count, buckets[started].section >= section {
            // The lane's last bucket must have left it.
            while started - oldestGather >= lanes.count { try advance(waiting: true) }
            spans.begin(.bucket, started)
            try lane(started).startExchange(
                gradients.base + buckets[started].range.lowerBound, buckets[started].range.count)
            spans.end()
            started += 1
        }
        try advance(waiting: false)
    }

    func finish() throws(MPIError) {
        while oldestGather < started { try advance(waiting: true) }
        (started, oldestExchange, oldestGather) = (0, 0, 0)
    }

    func release() {}

    private func lane(_ bucket: Int) -> ExchangeLane<Element> { lanes[bucket % lanes.count] }

    /// Moves buckets on, in their order; with `waiting`, until the oldest one is done.
    private func advance(waiting: Bool) throws(MPIError) {
        while oldestExchange < started {
            let mustWait = waiting && oldestExchange == oldestGather
            spans.begin(.bucket, oldestExchange)
            let isSummed = try lane(oldestExchange).sumIfExchanged(waiting: mustWait)
            spans.end()
            guard isSummed else { break }
            oldestExchange += 1
        }
        while oldestGather < oldestExchange {
            spans.begin(.bucket, oldestGather)
            let isDelivered = try lane(oldestGather).deliverIfGathered(waiting: waiting)
            spans.end()
            guard isDelivered else { break }
            oldestGather += 1
            if waiting { break }
        }
    }
}
