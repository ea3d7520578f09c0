import Collectives
import Kernels
import Tensors

/// The buffers of one bucket on its way: this rank's blocks, and the blocks that others sent.
final class ExchangeLane<Element: Storage> {
    private let communicator: any Communicator
    private let wire: Configuration.Precision
    private let blocks: UnsafeMutableRawBufferPointer
    private let received: UnsafeMutableRawBufferPointer
    private let sum: UnsafeMutablePointer<Float>
    private var target: UnsafeMutablePointer<Element>?
    private var count = 0
    private var pending: PendingOperation?

    /// Buffers for buckets of up to `capacity` elements, which travel as `wire` where that is narrower.
    init(capacity: Int, _ communicator: any Communicator, wire: Configuration.Precision) {
        self.communicator = communicator
        self.wire = wire
        let elements = ExchangeLane.blockElements(capacity, communicator.size) * communicator.size
        let bytes = elements * MemoryLayout<Element>.stride
        blocks = .allocate(byteCount: bytes, alignment: 64)
        blocks.initializeMemory(as: UInt8.self, repeating: 0)
        received = .allocate(byteCount: bytes, alignment: 64)
        sum = .allocate(capacity: wire == .float16 ? elements / communicator.size : 0)
    }

    deinit {
        blocks.deallocate()
        received.deallocate()
        sum.deallocate()
    }

    /// The block of each rank, in whole cache lines.
    private static func blockElements(_ count: Int, _ size: Int) -> Int { ((count + size - 1) / size + 31) / 32 * 32 }

    private var isNarrowed: Bool { wire == .float16 && Element.self == Float.self }
    private var blockCount: Int { ExchangeLane.blockElements(count, communicator.size) }
    private var blockBytes: Int {
        blockCount * (isNarrowed ? MemoryLayout<Float16>.stride : MemoryLayout<Element>.stride)
    }

    /// Sends block i of the `count` numbers at `source` to rank i.
    func startExchange(_ source: UnsafeMutablePointer<Element>, _ count: Int) throws(MPIError) {
        target = source
        self.count = count
        let bytes = blockBytes * communicator.size
        if isNarrowed, let source = source as? UnsafeMutablePointer<Float> {
            convert(source, into: blocks.baseAddress!.assumingMemoryBound(to: Float16.self), count: count)
        } else {
            blocks.baseAddress!.assumingMemoryBound(to: Element.self).update(from: source, count: count)
        }
        pending = try communicator.startExchange(
            UnsafeRawBufferPointer(rebasing: blocks[..<bytes]), into: .init(rebasing: received[..<bytes]))
    }

    /// If all blocks for this rank are here, sums them along the tree and starts to give the result to all.
    func sumIfExchanged(waiting: Bool) throws(MPIError) -> Bool {
        guard try isDone(waiting: waiting) else { return false }
        let own = blocks.baseAddress! + communicator.rank * blockBytes
        if isNarrowed {
            sumNarrowed(into: own.assumingMemoryBound(to: Float16.self))
        } else {
            withParts(Element.self) {
                TreeSum.sum($0, into: own.assumingMemoryBound(to: Element.self), count: blockCount)
            }
        }
        pending = try communicator.startAllgather(.init(rebasing: blocks[..<(blockBytes * communicator.size)]))
        return true
    }

    /// If the results of all ranks are here, puts them where the bucket came from.
    func deliverIfGathered(waiting: Bool) throws(MPIError) -> Bool {
        guard try isDone(waiting: waiting) else { return false }
        pending = nil
        if isNarrowed, let target = target as? UnsafeMutablePointer<Float> {
            convert(blocks.baseAddress!.assumingMemoryBound(to: Float16.self), into: target, count: count)
        } else {
            target!.update(from: blocks.baseAddress!.assumingMemoryBound(to: Element.self), count: count)
        }
        return true
    }

    /// Float16 on the wire: parts are added in Float32, in the order of ranks, and rounded once.
    private func sumNarrowed(into own: UnsafeMutablePointer<Float16>) {
        sum.update(repeating: 0, count: blockCount)
        withParts(Float16.self) { parts in
            for part in parts { add(part, accumulatingInto: sum, count: blockCount) }
        }
        convert(UnsafePointer(sum), into: own, count: blockCount)
    }

    private func withParts<Number>(_: Number.Type, _ body: (UnsafeBufferPointer<UnsafePointer<Number>>) -> Void) {
        let first = UnsafePointer(received.baseAddress!.assumingMemoryBound(to: Number.self))
        withUnsafeTemporaryAllocation(of: UnsafePointer<Number>.self, capacity: communicator.size) { buffer in
            for rank in 0..<communicator.size { buffer.initializeElement(at: rank, to: first + rank * blockCount) }
            body(UnsafeBufferPointer(buffer))
        }
    }

    private func isDone(waiting: Bool) throws(MPIError) -> Bool {
        if waiting {
            try pending!.wait()
            return true
        }
        return try pending!.test()
    }
}
