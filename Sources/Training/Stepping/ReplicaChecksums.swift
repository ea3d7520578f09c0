import Collectives
import Files

/// Checksums of the parameters of this rank's replica, and whether all ranks have the same. Its memory is taken once.
final class ReplicaChecksums {
    private let own: UnsafeMutableBufferPointer<Int64>
    private let largest: UnsafeMutableBufferPointer<Int64>
    private let count: Int

    /// Checksums of `count` parameters.
    init(count: Int) {
        self.count = count
        own = .allocate(capacity: 2 * count)
        largest = .allocate(capacity: 2 * count)
        own.initialize(repeating: 0)
        largest.initialize(repeating: 0)
    }

    deinit {
        own.deallocate()
        largest.deallocate()
    }

    /// Notes the checksum of a parameter. Several threads may do so with different parameters.
    package func note(_ checksum: UInt64, of parameter: Int) {
        let number = Int64(bitPattern: checksum)
        // The largest of the complements is the complement of the smallest.
        (own[parameter], own[count + parameter]) = (number, ~number)
    }

    /// The first parameter whose checksum is not the same on all ranks. Every rank calls it.
    func firstDifference(_ communicator: any Communicator) throws(MPIError) -> Int? {
        try communicator.allreduce(UnsafeBufferPointer(own), into: largest, .maximum)
        return (0..<count).first { largest[$0] != ~largest[count + $0] }
    }
}
