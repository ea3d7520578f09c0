import Collectives
import Numbers
import Tensors
import Threads

// `averaging.wire: float16` and `bfloat16`. Every node of the tree over micro-batches except its root is rounded to
// `ScaledHalves`, chunk by chunk: the gradient of a micro-batch, and every sum of two nodes, which is computed in
// Float32. Each rank rounds the nodes below its own sum, and that sum if there are other ranks; the owner of a block
// rounds the nodes above the ranks' sums. Values are therefore rounded at the same nodes for any number of ranks, and
// sending a rank's sum does not round it again.

/// A channel that sends Float32 gradients as `ScaledHalves`, in half as many bytes.
final class HalfLane: ExchangeLane {
    typealias Element = Float

    private let codec: ChunkCodec
    private let communicator: any Communicator
    private let sent: Arena<UInt8>
    private let received: Arena<UInt8>
    /// One Float32 chunk for each level of the tree over ranks, and one more.
    private let scratch: Arena<Float>
    private var chunksPerBlock = 0
    private var pending: PendingOperation?

    /// Allocates space for one block of up to `capacity` elements, whole chunks, from each rank.
    init(_ codec: ChunkCodec, blockElements capacity: Int, _ communicator: any Communicator) {
        (self.codec, self.communicator) = (codec, communicator)
        let bytes = capacity / chunkElements * codec.chunkBytes * communicator.size
        (sent, received) = (Arena(count: bytes), Arena(count: bytes))
        scratch = Arena(count: (Int.bitWidth - communicator.size.leadingZeroBitCount + 1) * chunkElements)
    }

    func start(_ bucket: UnsafeMutableBufferPointer<Float>) throws(MPIError) {
        let chunks = bucket.count / chunkElements
        chunksPerBlock = chunks / communicator.size
        parallel(chunks) { chunk in
            codec.encode(
                UnsafePointer(bucket.baseAddress! + chunk * chunkElements), chunkElements,
                sent.base + chunk * codec.chunkBytes)
        }
        let range = 0..<chunks * codec.chunkBytes
        pending = try communicator.startExchange(
            UnsafeRawBufferPointer(sent.bytes(of: range)), into: received.bytes(of: range))
    }

    func isDone(waiting: Bool) throws(MPIError) -> Bool { try pending!.isComplete(waiting: waiting) }

    func average(_ block: Range<Int>, into gradients: Arena<Float>, squares: UnsafeMutableBufferPointer<Double>) {
        for start in stride(from: block.lowerBound, to: block.upperBound, by: chunkElements) {
            let chunk = (start - block.lowerBound) / chunkElements
            sum(0..<communicator.size, chunk, into: scratch.base, isRoot: true)
            let count = min(chunkElements, block.upperBound - start)
            (gradients.base + start).update(from: scratch.base, count: count)
            squares[start / chunkElements] = sumOfSquares(UnsafePointer(scratch.base), count: count)
        }
    }

    /// Computes the tree node over `ranks` into `target`; the memory after it is scratch space.
    private func sum(_ ranks: Range<Int>, _ chunk: Int, into target: UnsafeMutablePointer<Float>, isRoot: Bool) {
        if ranks.count == 1 {
            let index = ranks.lowerBound * chunksPerBlock + chunk
            return codec.decode(received.base + index * codec.chunkBytes, chunkElements, target)
        }
        let middle = ranks.lowerBound + TreeSum.split(ranks.count)
        let right = target + chunkElements
        sum(ranks.lowerBound..<middle, chunk, into: target, isRoot: false)
        sum(middle..<ranks.upperBound, chunk, into: right, isRoot: false)
        add(UnsafePointer(right), accumulatingInto: target, count: chunkElements)
        if !isRoot { codec.round(target, chunkElements) }
    }
}
