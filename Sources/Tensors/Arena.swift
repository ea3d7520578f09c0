import Failures

/// One allocation that holds one kind of state: all weights, all gradients, all first moments, …
///
/// Its memory is 64-byte aligned and initially zero. Zeroing, all-reduce, clipping, the update and saving are single
/// passes over it.
package final class Arena<Element>: @unchecked Sendable {
    /// The first element.
    package let base: UnsafeMutablePointer<Element>
    /// The number of elements.
    package let count: Int
    private let owner: AnyObject?

    /// An arena that owns its memory; all bytes are zero.
    package init(count: Int) {
        let bytes = max(count, 1) * MemoryLayout<Element>.stride
        let raw = numberMemory(bytes: bytes)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        base = raw.bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
        owner = nil
    }

    /// An arena over memory that `owner` keeps alive, such as a shared-memory window.
    package init(_ memory: UnsafeMutableRawPointer, count: Int, owner: AnyObject) {
        require(
            Int(bitPattern: memory) % arenaAlignmentBytes == 0, "the memory of an arena does not start on a cache line")
        base = memory.bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
        self.owner = owner
    }

    deinit {
        if owner == nil { UnsafeMutableRawPointer(base).deallocate() }
    }

    /// The bytes of `range`, for saving, loading and hashing.
    package func bytes(of range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        require(
            range.lowerBound >= 0 && range.upperBound <= count, "elements \(range) are outside an arena of \(count)")
        return UnsafeMutableRawBufferPointer(
            UnsafeMutableBufferPointer(start: base + range.lowerBound, count: range.count))
    }
}

/// The size in bytes of a cache line and of the widest vector register.
package let arenaAlignmentBytes = 64
