import Collectives
import Kernels
import Profiling
import Tensors

/// Averaging within one node: the gradient arenas lie in memory that all ranks share, each rank sums its own slice over
/// all replicas straight from there, and everybody reads the slices where they lie. Nothing is copied.
///
/// A process by itself is the case of one replica, where nothing is left to sum.
final class SharedMemoryAveraging<Element: Storage>: GradientAveraging {
    let name = "shared_memory"
    let gradients: Arena<Element>
    let segments: [GradientSegment<Element>]
    let owned: Range<Int>
    private let window: SharedWindow
    private let spans: SpanRecorder
    private let parts: [UnsafePointer<Element>]

    /// Shares an arena of `count` elements with the other ranks, all of them on this node.
    init(
        count: Int, _ communicator: any Communicator, _ spans: SpanRecorder = SpanRecorder()
    ) throws(MPIError) {
        self.spans = spans
        window = try communicator.makeWindow(bytes: count * MemoryLayout<Element>.stride)
        gradients = Arena(window.base, count: count, owner: window)
        let size = communicator.size
        owned = chunkAlignedPart(communicator.rank, of: size, arenaCount: count)
        let parts = window.parts.map { UnsafePointer($0.assumingMemoryBound(to: Element.self)) }
        self.parts = parts
        segments = parts.indices.map {
            GradientSegment(range: chunkAlignedPart($0, of: size, arenaCount: count), base: parts[$0])
        }
    }

    func sectionIsFinal(_ section: Int) {}

    func finish() throws(MPIError) {
        if parts.count == 1 { return }
        try window.synchronize()
        spans.begin(.windowSum)
        // A piece of every replica fits the cache together.
        for start in stride(from: owned.lowerBound, to: owned.upperBound, by: chunkElements) {
            let count = min(chunkElements, owned.upperBound - start)
            withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: parts.count) { buffer in
                for index in parts.indices { buffer.initializeElement(at: index, to: parts[index] + start) }
                TreeSum.sum(UnsafeBufferPointer(buffer), into: gradients.base + start, count: count)
            }
        }
        spans.end()
        try window.synchronize()
    }

    func release() throws(MPIError) {
        if parts.count > 1 { try window.synchronize() }
    }
}
