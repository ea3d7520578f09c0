import Tensors

/// Allocates the memory of activations once, before the first step.
package final class ActivationArena {
    private var allocations: [UnsafeMutableRawPointer] = []
    /// Whether the arena only counts bytes.
    private let counts: Bool
    /// The number of bytes allocated so far.
    package private(set) var bytes = 0

    /// An empty arena.
    ///
    /// - Parameter counting: Whether the arena only counts bytes; the pointers it returns must then not be accessed.
    package init(counting: Bool = false) { counts = counting }

    deinit { for allocation in allocations { allocation.deallocate() } }

    /// Allocates `count` elements, uninitialized and 64-byte aligned, which are valid while the arena exists.
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

    /// Allocates the normalization statistics of `rows` rows.
    package func takeStatistics<Element>(_: Element.Type, rows: Int) -> Normalization<Element>.Statistics {
        Normalization<Element>.Statistics(means: take(Float.self, rows), reciprocals: take(Float.self, rows))
    }
}
