import CMPI
import Tensors

/// Memory that the ranks of one node share: a part for each, all of one size, readable and writable by all.
package final class SharedWindow {
    /// This rank's own part.
    package var base: UnsafeMutableRawPointer { parts[ownIndex] }
    /// The part of each rank of the node, as this rank sees it.
    package let parts: [UnsafeMutableRawPointer]
    private let ownIndex: Int
    private let kind: Kind

    private enum Kind {
        case own
        case shared(cmpi_window, any Communicator)
    }

    /// Memory of one process alone, zeroed, on a cache line.
    init(bytes: Int) {
        let memory = numberMemory(bytes: bytes)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 1))
        parts = [memory]
        ownIndex = 0
        kind = .own
    }

    init(_ window: cmpi_window, parts: [UnsafeMutableRawPointer], ownIndex: Int, communicator: any Communicator) {
        self.parts = parts
        self.ownIndex = ownIndex
        kind = .shared(window, communicator)
    }

    deinit {
        // Giving a window back is a collective call, in which a rank that fails by itself would wait for the others for
        // ever. The communicator does it at its end.
        if case .own = kind { parts[0].deallocate() }
    }

    /// Returns when all that each rank of the node has stored is seen by every other.
    package func synchronize() throws(MPIError) {
        guard case .shared(let window, let communicator) = kind else { return }
        try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
        try communicator.barrier()
        try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
    }
}
