import CMPI
import Tensors

/// Memory shared by the ranks of one node: either one part per rank, all of equal size, or one part for all. Every rank
/// can read and write every part.
package final class SharedWindow {
    /// The part that belongs to this rank, or the common part.
    package var base: UnsafeMutableRawPointer { parts[ownIndex] }
    /// The address, in this process, of each local rank's part.
    package let parts: [UnsafeMutableRawPointer]
    private let ownIndex: Int
    private let kind: Kind

    private enum Kind {
        case own
        case shared(cmpi_window, any Communicator)
    }

    /// Private memory of a single process, zeroed and aligned to a cache line.
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
        // Freeing a window is a collective call: a rank that fails alone would wait for the others forever. The
        // communicator frees all windows in `finalize`.
        if case .own = kind { parts[0].deallocate() }
    }

    /// Makes the earlier stores of every rank of the node visible to every other; collective over the node.
    package func synchronize() throws(MPIError) {
        guard case .shared(let window, let communicator) = kind else { return }
        try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
        try communicator.barrier()
        try MPIError.check(cmpi_window_synchronize(window), "MPI_Win_sync")
    }
}
