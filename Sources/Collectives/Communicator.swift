/// An element type that MPI can reduce.
package protocol Reducible: BitwiseCopyable, Sendable {
    /// The type's code in the C shim.
    static var numberType: NumberType { get }
}

/// The element types of reductions.
package enum NumberType: UInt32, Sendable { case float32, float64, int64 }

extension Float: Reducible { package static var numberType: NumberType { .float32 } }
extension Double: Reducible { package static var numberType: NumberType { .float64 } }
extension Int64: Reducible { package static var numberType: NumberType { .int64 } }

/// The operation of a reduction over ranks.
package enum Reduction: UInt32, Sendable {
    /// The sum, in the order that MPI chooses.
    case sum
    /// The largest value. The maximum of floats may lose a NaN: reduce an integer flag to detect one.
    case maximum
}

/// The purpose of a message between two ranks. Messages of one channel arrive in the order in which they are sent;
/// those of different channels are never mixed up.
package enum MessageChannel: Int, CaseIterable, Sendable { case gradients, weights }

/// The ranks of a job and their collective operations. Every rank must make the same calls in the same order.
///
/// There are two implementations: `MPICommunicator` under `mpirun`, and `SoloCommunicator` for a single process, whose
/// calls return at once. Callers need not know which one they have.
package protocol Communicator: AnyObject {
    /// This process's rank, 0 ..< size.
    var rank: Int { get }
    /// The number of ranks in the job.
    var size: Int { get }
    /// This process's rank among those on its node, 0 ..< localSize.
    var localRank: Int { get }
    /// The number of ranks on this node.
    var localSize: Int { get }
    /// The ranks of each node, which are consecutive; the nodes cover 0 ..< size in ascending order. The ranks of a
    /// node can share memory, unless it is not available to them.
    var nodes: [Range<Int>] { get }

    /// Returns after every rank has called it.
    func barrier() throws(MPIError)

    /// Copies the bytes of rank `root` to every rank.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(MPIError)

    /// Collects the bytes of every rank on rank `root`, in rank order.
    ///
    /// - Parameter all: On `root`, size · bytes.count bytes; ignored on other ranks.
    func gather(_ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, at root: Int) throws(MPIError)

    /// Sends `bytes` to rank `other`, which must call `receive` with the same size; on return the buffer may be reused.
    func send(_ bytes: UnsafeRawBufferPointer, to other: Int) throws(MPIError)

    /// Receives the bytes that rank `other` sends.
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) throws(MPIError)

    /// Starts to send `bytes`, at most `maximumCallBytes`, to rank `other`, which must call `startReceive` with the
    /// same size and channel. The bytes must not change until the operation is complete.
    func startSend(
        _ bytes: UnsafeRawBufferPointer, to other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation

    /// Starts to receive the bytes that rank `other` sends in the same channel.
    func startReceive(
        _ bytes: UnsafeMutableRawBufferPointer, from other: Int, _ channel: MessageChannel
    ) throws(MPIError) -> PendingOperation

    /// Reduces elementwise over all ranks; every rank gets the result.
    ///
    /// - Parameter receive: As many elements as `send`; either the same buffer or one that does not overlap it.
    func allreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError)

    /// Starts an all-reduce. `receive` must not overlap `send`; neither buffer may be touched until the operation is
    /// complete.
    func startAllreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) -> PendingOperation

    /// Starts an all-to-all exchange: block i of `send` goes to rank i; block i of `receive` comes from rank i.
    ///
    /// - Parameters:
    ///   - send, receive: `size` blocks of equal length, at most `maximumCallBytes` bytes per block.
    func startExchange(
        _ send: UnsafeRawBufferPointer, into receive: UnsafeMutableRawBufferPointer
    ) throws(MPIError) -> PendingOperation

    /// Starts an all-gather: every rank receives block i from rank i.
    ///
    /// - Parameter blocks: `size` blocks of equal length; this rank's own block is already filled in.
    func startAllgather(_ blocks: UnsafeMutableRawBufferPointer) throws(MPIError) -> PendingOperation

    /// The directory of the files behind shared-memory windows, whose free space limits them; nil if there is none or
    /// MPI does not report it.
    var windowDirectory: String? { get }

    /// Allocates memory shared by the ranks of this node, `bytes` per rank, each part aligned to `arenaAlignmentBytes`.
    /// It is freed when MPI is finalized.
    func makeWindow(bytes: Int) throws(MPIError) -> SharedWindow

    /// Allocates one block of `bytes` that all ranks of this node share, aligned in the same way.
    func makeCommonWindow(bytes: Int) throws(MPIError) -> SharedWindow

    /// Ends every process of the job with exit code `code`, 1 to 255. A `SoloCommunicator` does nothing: its process
    /// exits by itself.
    func abort(_ code: Int32)
}

/// The largest message of one MPI call, in bytes: counts are C ints, and some algorithms copy the whole message.
package let maximumCallBytes = 256 << 20

extension Communicator {
    /// The index of this rank's node in `nodes`.
    package var nodeIndex: Int { nodes.firstIndex { $0.contains(rank) }! }

    /// Returns the sum of `value` over all ranks.
    package func sum(_ value: Int64) throws(MPIError) -> Int64 { try reduce(value, .sum) }

    /// Returns the largest `value` of any rank.
    package func maximum(_ value: Int64) throws(MPIError) -> Int64 { try reduce(value, .maximum) }

    private func reduce(_ value: Int64, _ reduction: Reduction) throws(MPIError) -> Int64 {
        var numbers = (value, Int64(0))
        try withUnsafeMutablePointer(to: &numbers) { pair throws(MPIError) in
            let (send, receive) = (UnsafeMutableRawPointer(pair), UnsafeMutableRawPointer(pair) + 8)
            try allreduce(
                UnsafeBufferPointer(start: send.assumingMemoryBound(to: Int64.self), count: 1),
                into: UnsafeMutableBufferPointer(start: receive.assumingMemoryBound(to: Int64.self), count: 1),
                reduction)
        }
        return numbers.1
    }

    /// Sends the string of rank `root` to every rank.
    package func broadcast(_ text: String, from root: Int = 0) throws(MPIError) -> String {
        let count = Int(try sum(rank == root ? Int64(text.utf8.count) : 0))
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { bytes.deallocate() }
        if rank == root { bytes.copyBytes(from: text.utf8) }
        try broadcast(bytes, from: root)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Collects the string of every rank on rank 0, in rank order; other ranks get an empty array.
    package func gather(_ text: String) throws(MPIError) -> [String] {
        let width = Int(try maximum(Int64(text.utf8.count)))
        // A block is the string's length in bytes (8 bytes), then its UTF-8, zero-padded to the longest string.
        let own = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 + width, alignment: 8)
        let all = UnsafeMutableRawBufferPointer.allocate(byteCount: own.count * size, alignment: 8)
        defer {
            own.deallocate()
            all.deallocate()
        }
        own.initializeMemory(as: UInt8.self, repeating: 0)
        own.storeBytes(of: text.utf8.count, as: Int.self)
        UnsafeMutableRawBufferPointer(rebasing: own[8...]).copyBytes(from: text.utf8)
        try gather(UnsafeRawBufferPointer(own), into: all, at: 0)
        if rank != 0 { return [] }
        return (0..<size).map { index in
            let block = all[index * own.count..<(index + 1) * own.count]
            let count = UnsafeRawBufferPointer(rebasing: block).loadUnaligned(as: Int.self)
            return String(decoding: block.dropFirst(8).prefix(count), as: UTF8.self)
        }
    }
}
