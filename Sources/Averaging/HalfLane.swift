import Collectives
import Kernels
import Tensors

// `averaging.wire: float16`. Every node of the tree over slots but its root is rounded to `ScaledHalves`, chunk by chunk:
// a slot's gradient, and every sum of two nodes, which is formed in Float32. Replicas round the nodes below a rank's own
// sum, and that sum where there are others; the owner of a block rounds the nodes above. So each number is rounded at the
// same places however many ranks there are, and a rank sends what it holds without another loss.

/// Float32 gradients that travel in half as many bytes.
final class HalfLane: ExchangeLane {
    typealias Element = Float

    /// A chunk on its way: its scale in the first four bytes of a cache line, then its numbers.
    private static let chunkBytes = arenaAlignmentBytes + chunkElements * MemoryLayout<Float16>.stride

    private let communicator: any Communicator
    private let sent: Arena<UInt8>
    private let received: Arena<UInt8>
    /// A chunk of Float32 for each level of the tree over ranks, and one more.
    private let scratch: Arena<Float>
    private var chunksPerBlock = 0
    private var pending: PendingOperation?

    /// Room for blocks of up to `capacity` elements, whole chunks, from each rank.
    init(blockElements capacity: Int, _ communicator: any Communicator) {
        self.communicator = communicator
        let bytes = capacity / chunkElements * HalfLane.chunkBytes * communicator.size
        (sent, received) = (Arena(count: bytes), Arena(count: bytes))
        scratch = Arena(count: (Int.bitWidth - communicator.size.leadingZeroBitCount + 1) * chunkElements)
    }

    func start(_ bucket: UnsafeMutableBufferPointer<Float>) throws(MPIError) {
        let chunks = bucket.count / chunkElements
        chunksPerBlock = chunks / communicator.size
        parallel(chunks) { chunk in
            let values = UnsafePointer(bucket.baseAddress! + chunk * chunkElements)
            let place = UnsafeMutableRawPointer(sent.base + chunk * HalfLane.chunkBytes)
            let scale = ScaledHalves.scale(of: values, count: chunkElements)
            place.storeBytes(of: scale, as: Float.self)
            ScaledHalves.encode(
                values, into: (place + arenaAlignmentBytes).assumingMemoryBound(to: Float16.self),
                count: chunkElements, scale: scale)
        }
        let range = 0..<chunks * HalfLane.chunkBytes
        pending = try communicator.startExchange(
            UnsafeRawBufferPointer(sent.bytes(of: range)), into: received.bytes(of: range))
    }

    func isDone(waiting: Bool) throws(MPIError) -> Bool {
        if waiting {
            try pending!.wait()
            return true
        }
        return try pending!.test()
    }

    func average(_ block: Range<Int>, into gradients: Arena<Float>, squares: UnsafeMutableBufferPointer<Double>) {
        for start in stride(from: block.lowerBound, to: block.upperBound, by: chunkElements) {
            let chunk = (start - block.lowerBound) / chunkElements
            sum(0..<communicator.size, chunk, into: scratch.base, isRoot: true)
            let count = min(chunkElements, block.upperBound - start)
            (gradients.base + start).update(from: scratch.base, count: count)
            squares[start / chunkElements] = sumOfSquares(UnsafePointer(scratch.base), count: count)
        }
    }

    /// The node over `ranks`, into `target`; what follows it is scratch memory.
    private func sum(_ ranks: Range<Int>, _ chunk: Int, into target: UnsafeMutablePointer<Float>, isRoot: Bool) {
        if ranks.count == 1 {
            let index = ranks.lowerBound * chunksPerBlock + chunk
            let place = UnsafeRawPointer(received.base + index * HalfLane.chunkBytes)
            return ScaledHalves.decode(
                (place + arenaAlignmentBytes).assumingMemoryBound(to: Float16.self), into: target,
                count: chunkElements, scale: place.load(as: Float.self))
        }
        let middle = ranks.lowerBound + TreeSum.split(ranks.count)
        let right = target + chunkElements
        sum(ranks.lowerBound..<middle, chunk, into: target, isRoot: false)
        sum(middle..<ranks.upperBound, chunk, into: right, isRoot: false)
        add(UnsafePointer(right), accumulatingInto: target, count: chunkElements)
        if !isRoot { ScaledHalves.round(target, count: chunkElements) }
    }
}
