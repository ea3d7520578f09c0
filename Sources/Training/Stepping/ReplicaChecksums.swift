import Collectives
import Files

/// Compares the parameters of all ranks' replicas by checksums. Its memory is allocated once.
final class ReplicaChecksums {
    private let own: UnsafeMutableBufferPointer<Int64>
    private let largest: UnsafeMutableBufferPointer<Int64>
    private let count: Int

    /// Allocates checksums of `count` parameters.
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

    /// Records the checksum of a parameter. May be called concurrently for different parameters.
    package func note(_ checksum: UInt64, of parameter: Int) {
        let number = Int64(bitPattern: checksum)
        // The maximum of complements is the complement of the minimum, so one reduction yields both.
        (own[parameter], own[count + parameter]) = (number, ~number)
    }

    /// The first parameter whose checksum differs between ranks; nil if there is none. Collective: every rank calls it.
    func firstDifference(_ communicator: any Communicator) throws(MPIError) -> Int? {
        try communicator.allreduce(UnsafeBufferPointer(own), into: largest, .maximum)
        return (0..<count).first { largest[$0] != ~largest[count + $0] }
    }
}
