import Collectives
import Kernels
import Tensors

/// The buffers of one bucket on its way: this rank's blocks, and the blocks that others sent.
final class ExchangeLane<Element: Storage> {
    private let communicator: any Communicator
    private let blocks: UnsafeMutablePointer<Element>
    private let received: UnsafeMutablePointer<Element>
    private var target: UnsafeMutablePointer<Element>?
    private var count = 0
    private var pending: PendingOperation?

    /// Buffers for buckets of up to `capacity` elements.
    init(capacity: Int, _ communicator: any Communicator) {
        self.communicator = communicator
        let elements = ExchangeLane.blockElements(capacity, communicator.size) * communicator.size
        blocks = .allocate(capacity: elements)
        blocks.initialize(repeating: 0, count: elements)
        received = .allocate(capacity: elements)
    }

    deinit {
        blocks.deallocate()
        received.deallocate()
    }

    /// The block of each rank, in whole cache lines.
    private static func blockElements(_ count: Int, _ size: Int) -> Int { ((count + size - 1) / size + 31) / 32 * 32 }

    private var blockCount: Int { ExchangeLane.blockElements(count, communicator.size) }

    /// The blocks of all ranks, as bytes.
    private func bytes(_ blocks: UnsafeMutablePointer<Element>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: blocks, count: blockCount * communicator.size))
    }

    /// Sends block i of the `count` numbers at `source` to rank i.
    func startExchange(_ source: UnsafeMutablePointer<Element>, _ count: Int) throws(MPIError) {
        (target, self.count) = (source, count)
        blocks.update(from: source, count: count)
        pending = try communicator.startExchange(UnsafeRawBufferPointer(bytes(blocks)), into: bytes(received))
    }

    /// If all blocks for this rank are here, sums them along the tree and starts to give the result to all.
    func sumIfExchanged(waiting: Bool) throws(MPIError) -> Bool {
        guard try isDone(waiting: waiting) else { return false }
        withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: communicator.size) { parts in
            for rank in 0..<communicator.size {
                parts.initializeElement(at: rank, to: UnsafePointer(received + rank * blockCount))
            }
            TreeSum.sum(
                UnsafeBufferPointer(parts), into: blocks + communicator.rank * blockCount, count: blockCount)
        }
        pending = try communicator.startAllgather(bytes(blocks))
        return true
    }

    /// If the results of all ranks are here, puts them where the bucket came from.
    func deliverIfGathered(waiting: Bool) throws(MPIError) -> Bool {
        guard try isDone(waiting: waiting) else { return false }
        pending = nil
        target!.update(from: blocks, count: count)
        return true
    }

    private func isDone(waiting: Bool) throws(MPIError) -> Bool {
        if waiting {
            try pending!.wait()
            return true
        }
        return try pending!.test()
    }
}
