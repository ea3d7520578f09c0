import Kernels
import Tensors

/// Hands out the memory of activations, once, before the first step.
package final class ActivationArena {
    private var allocations: [UnsafeMutableRawPointer] = []
    /// Whether it only counts.
    private let counts: Bool
    /// The bytes handed out so far.
    package private(set) var bytes = 0

    /// An arena that has handed out nothing.
    ///
    /// - Parameter counting: Whether it only counts bytes: then what it hands out is no memory and is never touched.
    package init(counting: Bool = false) { counts = counting }

    deinit { for allocation in allocations { allocation.deallocate() } }

    /// Memory for `count` numbers, uninitialized, 64-byte aligned, alive as long as the arena.
    package func take<Number>(_ type: Number.Type, _ count: Int) -> UnsafeMutablePointer<Number> {
        let size = count * MemoryLayout<Number>.stride
        if counts {
            bytes += size
            return UnsafeMutableRawPointer(bitPattern: arenaAlignmentBytes)!.bindMemory(to: type, capacity: count)
        }
        let memory = numberMemory(bytes: size)
        allocations.append(memory)
        bytes += size
        return memory.bindMemory(to: type, capacity: count)
    }

    /// Memory for the statistics of `rows` normalized rows.
    package func takeStatistics<Element>(_: Element.Type, rows: Int) -> Normalization<Element>.Statistics {
        Normalization<Element>.Statistics(means: take(Float.self, rows), reciprocals: take(Float.self, rows))
    }
}
