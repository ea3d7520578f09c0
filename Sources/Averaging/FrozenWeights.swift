import Collectives
import Numbers
import Tensors

/// The memory of weights that a run computes with but does not train: one copy for all ranks of a node if these can
/// share memory, otherwise one for each rank.
package struct FrozenWeights<Element: Storage> {
    /// The weights, initially undefined.
    package let arena: Arena<Element>
    /// Memory that all ranks share.
    private let window: SharedWindow?

    /// Allocates `count` weights. Collective: every rank calls it.
    ///
    /// - Parameter isShared: Whether all ranks may share one copy.
    package init(count: Int, isShared: Bool, _ communicator: any Communicator) throws {
        let bytes = count * MemoryLayout<Element>.stride
        if isShared, try communicator.obstacleToWindows(bytes: bytes + 16384) == nil {
            let window = try communicator.makeCommonWindow(bytes: bytes)
            self.window = window
            arena = Arena(window.base, count: count, owner: window)
        } else {
            window = nil
            arena = Arena(count: count)
        }
    }

    /// Overwrites the weights from `start` on with `values`, which are the same on every rank. A later `publish` makes
    /// them visible to all.
    package func write(_ values: UnsafeBufferPointer<Float>, at start: Int, _ communicator: any Communicator) {
        if window != nil, communicator.rank != 0 { return }
        convert(values.baseAddress!, into: arena.base + start, count: values.count)
    }

    /// Waits until all ranks see the weights that were written. Collective: every rank calls it.
    package func publish() throws(MPIError) { try window?.synchronize() }
}
