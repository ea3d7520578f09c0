import Collectives
import Numbers
import Profiling
import Tensors

/// Gradient averaging within one node: the gradients of all ranks are in shared memory, and each rank sums its own
/// shard directly from there. All ranks compute with a single copy of the weights, and each writes its updates to it.
/// Nothing is copied.
///
/// With one process there is one gradient, and nothing to sum.
final class SharedMemoryAveraging<Element: Storage>: GradientAveraging {
    let name = "shared_memory"
    let roundNode: NodeRounding? = nil
    let hasReplicas = false
    let weights: Arena<Element>
    let gradients: Arena<Element>
    let shards: [Shard]
    let chunkSquares: UnsafeMutableBufferPointer<Double>
    private let window: SharedWindow
    private let spans: SpanRecorder
    private let replicas: [UnsafePointer<Element>]
    private let own: Range<Int>
    private var order: StepOrder

    /// Allocates shared arenas for `layout`; all ranks must be on this node.
    init(
        layout: ParameterLayout, _ communicator: any Communicator, _ spans: SpanRecorder = SpanRecorder()
    ) throws(MPIError) {
        self.spans = spans
        let count = layout.count
        let bytes = count * MemoryLayout<Element>.stride
        window = try communicator.makeWindow(bytes: bytes)
        gradients = Arena(window.base, count: count, owner: window)
        let common = try communicator.makeCommonWindow(bytes: bytes)
        weights = Arena(common.base, count: count, owner: common)
        replicas = window.parts.map { UnsafePointer($0.assumingMemoryBound(to: Element.self)) }
        let size = communicator.size
        shards = (0..<size).map { Shard([chunkAlignedPart($0, of: size, arenaCount: count)]) }
        own = shards[communicator.rank].ranges[0]
        chunkSquares = makeChunkSquares(elements: count)
        order = StepOrder(sections: layout.sections.count, ranges: 1)
    }

    /// The size of all ranks' windows together, in bytes, with one page more for each part.
    static func windowBytes(count: Int, ranks: Int) -> Int {
        (ranks + 1) * (count * MemoryLayout<Element>.stride + 16384)
    }

    deinit { chunkSquares.deallocate() }

    func sectionIsFinal(_ section: Int) { order.sectionIsFinal(section) }

    func finish() throws(MPIError) {
        order.finish()
        try synchronize()
        spans.measure(.windowSum) {
            averageChunks(own, of: replicas, origin: 0, into: gradients, squares: chunkSquares)
        }
    }

    func rangeIsUpdated(_ index: Int) { order.rangeIsUpdated(index) }

    func publish() throws(MPIError) {
        order.publish()
        try synchronize()
    }

    func publishFromFirstRank() throws(MPIError) {
        order.publishFromFirstRank()
        try synchronize()
    }

    private func synchronize() throws(MPIError) {
        if replicas.count > 1 { try spans.measure(.waiting) { () throws(MPIError) in try window.synchronize() } }
    }
}
