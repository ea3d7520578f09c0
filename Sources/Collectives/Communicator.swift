/// A number that ranks can reduce.
package protocol Reducible: BitwiseCopyable, Sendable {
    /// The type as the shim names it.
    static var numberType: NumberType { get }
}

/// The types that reductions know.
package enum NumberType: UInt32, Sendable { case float32, float64, int64, float16 }

extension Float: Reducible { package static var numberType: NumberType { .float32 } }
extension Double: Reducible { package static var numberType: NumberType { .float64 } }
extension Int64: Reducible { package static var numberType: NumberType { .int64 } }
extension Float16: Reducible { package static var numberType: NumberType { .float16 } }

/// How the numbers of all ranks become one.
package enum Reduction: UInt32, Sendable {
    /// Their sum, in an order of MPI's own; Float16 is added in Float32 and rounded each time.
    case sum
    /// The largest; decide about NaN by integer flags, which a maximum over floats may lose.
    case maximum
    /// 1 where any is not 0; Int64 only.
    case logicalOr
}

/// The ranks of a job and what they do together. Every rank makes the same calls in the same order.
///
/// Two kinds exist: `MPICommunicator` under `mpirun`, and `SoloCommunicator` for a process by itself, whose calls
/// return at once. Nobody above asks which one it has.
package protocol Communicator: AnyObject {
    /// This process's number, 0 ..< size.
    var rank: Int { get }
    /// The number of processes.
    var size: Int { get }
    /// This process's number on its node.
    var localRank: Int { get }
    /// The number of processes on this node.
    var localSize: Int { get }

    /// Returns when every rank has called it.
    func barrier() throws(MPIError)

    /// Gives every rank the bytes of rank `root`.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(MPIError)

    /// Brings the bytes of every rank to rank `root`, in the order of ranks.
    ///
    /// - Parameter all: On `root`, size · bytes.count bytes; ignored elsewhere.
    func gather(_ bytes: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, at root: Int) throws(MPIError)

    /// Gives `bytes` to rank `other`, which calls `receive` with as many; returns when they may be written again.
    func send(_ bytes: UnsafeRawBufferPointer, to other: Int) throws(MPIError)

    /// Gets the bytes that rank `other` sends.
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) throws(MPIError)

    /// Reduces element by element; every rank gets the result.
    ///
    /// - Parameter receive: As many numbers as `send`; the very same buffer, or one that does not overlap it.
    func allreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError)

    /// Starts the same; both buffers stay untouched until the operation is done.
    func startAllreduce<Number: Reducible>(
        _ send: UnsafeBufferPointer<Number>, into receive: UnsafeMutableBufferPointer<Number>, _ reduction: Reduction
    ) throws(MPIError) -> PendingOperation

    /// Starts to send block i of `send` to rank i, and to receive its block for this rank as block i of `receive`.
    ///
    /// - Parameters:
    ///   - send, receive: size blocks of the same number of bytes each, at most `maximumCallBytes` a block.
    func startExchange(
        _ send: UnsafeRawBufferPointer, into receive: UnsafeMutableRawBufferPointer
    ) throws(MPIError) -> PendingOperation

    /// Starts to give every rank block i of rank i, for all i.
    ///
    /// - Parameter blocks: size blocks; this rank's own is filled already.
    func startAllgather(_ blocks: UnsafeMutableRawBufferPointer) throws(MPIError) -> PendingOperation

    /// The directory in which windows have their files, whose free space they take; nil where they have none or MPI does
    /// not say.
    var windowDirectory: String? { get }

    /// Memory that the ranks of this node share, `bytes` for each of them, until MPI ends.
    func makeWindow(bytes: Int) throws(MPIError) -> SharedWindow

    /// The same, but one part of `bytes` for all of them together.
    func makeCommonWindow(bytes: Int) throws(MPIError) -> SharedWindow

    /// Ends every process of the job with `code`, 1 to 255. A rank by itself does nothing: it ends by its own exit.
    func abort(_ code: Int32)
}

/// No single MPI call moves more than this: counts are C ints, and some algorithms copy the whole message.
package let maximumCallBytes = 256 << 20

extension Communicator {
    /// The sum of one number of each rank.
    package func sum(_ value: Int64) throws(MPIError) -> Int64 { try reduce(value, .sum) }

    /// The largest number of any rank.
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

    /// Gives every rank the text of rank `root`.
    package func broadcast(_ text: String, from root: Int = 0) throws(MPIError) -> String {
        let count = Int(try sum(rank == root ? Int64(text.utf8.count) : 0))
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { bytes.deallocate() }
        if rank == root { bytes.copyBytes(from: text.utf8) }
        try broadcast(bytes, from: root)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Brings the text of every rank to rank 0; other ranks get an empty array.
    package func gather(_ text: String) throws(MPIError) -> [String] {
        let width = Int(try maximum(Int64(text.utf8.count)))
        // A block is the text's length in eight bytes, then the text.
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
