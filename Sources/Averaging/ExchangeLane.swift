import Collectives
import Numbers
import Tensors

/// A channel that reduce-scatters one bucket of gradients at a time.
protocol ExchangeLane<Element>: AnyObject {
    associatedtype Element: Storage

    /// Sends the i-th of the bucket's equal parts, each of whole chunks, to rank i. The gradients must not change until
    /// `isDone` returns true.
    func start(_ bucket: UnsafeMutableBufferPointer<Element>) throws(MPIError)
    /// Whether all blocks for this rank have arrived; waits for them if `waiting`.
    func isDone(waiting: Bool) throws(MPIError) -> Bool
    /// Writes the tree sum of the blocks to `block` of `gradients`, and the sum of squares of each of its chunks to
    /// `squares`.
    func average(_ block: Range<Int>, into gradients: Arena<Element>, squares: UnsafeMutableBufferPointer<Double>)
}

/// A channel that sends gradients as they are, directly from their arena.
final class PlainLane<Element: Storage>: ExchangeLane {
    /// The address of each rank's block of the bucket.
    private var blocks: [UnsafePointer<Element>]
    private let communicator: any Communicator
    private let received: Arena<Element>
    private var pending: PendingOperation?

    /// Allocates space for one block of up to `capacity` elements from each rank.
    init(blockElements capacity: Int, _ communicator: any Communicator) {
        self.communicator = communicator
        let received = Arena<Element>(count: capacity * communicator.size)
        self.received = received
        blocks = Array(repeating: UnsafePointer(received.base), count: communicator.size)
    }

    func start(_ bucket: UnsafeMutableBufferPointer<Element>) throws(MPIError) {
        let blockElements = bucket.count / communicator.size
        for rank in blocks.indices { blocks[rank] = UnsafePointer(received.base + rank * blockElements) }
        pending = try communicator.startExchange(
            UnsafeRawBufferPointer(bucket), into: received.bytes(of: 0..<bucket.count))
    }

    func isDone(waiting: Bool) throws(MPIError) -> Bool { try pending!.isComplete(waiting: waiting) }

    func average(_ block: Range<Int>, into gradients: Arena<Element>, squares: UnsafeMutableBufferPointer<Double>) {
        averageChunks(block, of: blocks, origin: block.lowerBound, into: gradients, squares: squares)
    }
}

/// A channel that all-gathers one bucket of weights at a time, in place.
final class GatherLane {
    private var pending: PendingOperation?

    /// Starts the all-gather of the equal parts of `bucket`; waits first for the channel's previous bucket.
    func start(_ bucket: UnsafeMutableRawBufferPointer, _ communicator: any Communicator) throws(MPIError) {
        try wait()
        pending = try communicator.startAllgather(bucket)
    }

    /// Gives MPI the opportunity to make progress.
    func test() throws(MPIError) { _ = try pending?.test() }

    /// Waits until all parts have arrived.
    func wait() throws(MPIError) { try pending?.wait() }
}
