import Collectives
import Kernels
import Tensors

/// The way of one bucket of gradients at a time: from every rank to the owner of each block, and there into one.
protocol ExchangeLane<Element>: AnyObject {
    associatedtype Element: Storage

    /// Sends the i-th of equal parts of `bucket`, whole chunks each, to rank i. The gradients stay untouched until
    /// `isDone`.
    func start(_ bucket: UnsafeMutableBufferPointer<Element>) throws(MPIError)
    /// Whether all blocks for this rank are here.
    func isDone(waiting: Bool) throws(MPIError) -> Bool
    /// Puts the tree sum of the blocks into `block` of `gradients`, and the sum of squares of each of its chunks into
    /// `squares`.
    func average(_ block: Range<Int>, into gradients: Arena<Element>, squares: UnsafeMutableBufferPointer<Double>)
}

/// Gradients that travel as they are, from their arena.
final class PlainLane<Element: Storage>: ExchangeLane {
    /// Where each rank's block of the bucket starts.
    private var blocks: [UnsafePointer<Element>]
    private let communicator: any Communicator
    private let received: Arena<Element>
    private var pending: PendingOperation?

    /// Room for blocks of up to `capacity` elements from each rank.
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

    func isDone(waiting: Bool) throws(MPIError) -> Bool {
        if waiting {
            try pending!.wait()
            return true
        }
        return try pending!.test()
    }

    func average(_ block: Range<Int>, into gradients: Arena<Element>, squares: UnsafeMutableBufferPointer<Double>) {
        averageChunks(block, of: blocks, origin: block.lowerBound, into: gradients, squares: squares)
    }
}

/// One bucket of weights on its way: each rank's block goes to all others, in place.
final class GatherLane {
    private var pending: PendingOperation?

    /// Starts to gather the equal parts of `bucket`, after the lane's last bucket has left it.
    func start(_ bucket: UnsafeMutableRawBufferPointer, _ communicator: any Communicator) throws(MPIError) {
        try wait()
        pending = try communicator.startAllgather(bucket)
    }

    /// Lets it move.
    func test() throws(MPIError) { _ = try pending?.test() }

    /// Returns when all parts are here.
    func wait() throws(MPIError) { try pending?.wait() }
}
