import Tensors

/// Memory shared by the ranks of one node: either one part per rank, all of equal size, or one part for all. Every rank
/// can read and write every part.
package final class SharedWindow {
    /// The part that belongs to this rank, or the common part.
    package var base: UnsafeMutableRawPointer { parts[ownIndex] }
    /// The address, in this process, of each local rank's part.
    package let parts: [UnsafeMutableRawPointer]
    private let ownIndex: Int
    /// Synchronizes the stores of all local ranks; nil for private memory.
    private let fence: (() throws(MPIError) -> Void)?

    /// Private memory of a single process, zeroed and aligned to a cache line.
    init(bytes: Int) {
        let memory = numberMemory(bytes: bytes)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 1))
        parts = [memory]
        ownIndex = 0
        fence = nil
    }

    /// Memory that the communicator owns and frees.
    ///
    /// - Parameter fence: Makes the earlier stores of every rank of the node visible to every other; collective over
    ///   the node.
    package init(
        parts: [UnsafeMutableRawPointer], ownIndex: Int, fence: @escaping () throws(MPIError) -> Void
    ) {
        self.parts = parts
        self.ownIndex = ownIndex
        self.fence = fence
    }

    deinit {
        // Freeing a window is a collective call: if only one rank fails, it would wait for the others forever. The
        // communicator frees all windows in `finalize`.
        if fence == nil { parts[0].deallocate() }
    }

    /// Makes the earlier stores of every rank of the node visible to every other; collective over the node.
    package func synchronize() throws(MPIError) { try fence?() }
}
