import Collectives
import Synchronization

/// A number of each rank of a node, in memory that they share.
final class NodeCounters {
    private typealias Value = Atomic<Int>
    private static let lineBytes = 64

    private let window: SharedWindow
    private let rank: Int
    private let count: Int

    /// Allocates the numbers, all 0. Collective over the node.
    init(_ communicator: any Communicator) throws(MPIError) {
        (rank, count) = (communicator.localRank, communicator.localSize)
        window = try communicator.makeCommonWindow(bytes: count * NodeCounters.lineBytes)
    }

    /// Sets this rank's number, after all its earlier stores to shared memory.
    func set(_ value: Int) { number(rank).pointee.store(value, ordering: .releasing) }

    /// The smallest number of any rank. Stores that a rank has made before it set its number are visible.
    var smallest: Int {
        var least = Int.max
        for index in 0..<count { least = min(least, number(index).pointee.load(ordering: .acquiring)) }
        return least
    }

    private func number(_ rank: Int) -> UnsafeMutablePointer<Value> {
        (window.base + rank * NodeCounters.lineBytes).assumingMemoryBound(to: Value.self)
    }
}
