import Numbers
import Testing

/// Memory for kernels under test. Every allocation starts one element after a 64-byte boundary, so that it is not
/// aligned to vectors, and is surrounded by canary bytes, which detect writes out of bounds.
package final class TestMemory {
    private struct Allocation {
        let start: UnsafeMutableRawPointer
        let bytes: Int
        let payload: Range<Int>
    }

    private static let canary: UInt8 = 0xA5
    private static let marginBytes = 64
    private var allocations: [Allocation] = []

    fileprivate init() {}

    deinit { for allocation in allocations { allocation.start.deallocate() } }

    /// Allocates `values`, each rounded to `Element`.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func numbers<Element: Storage>(_ values: [Double], _: Element.Type) -> UnsafeMutablePointer<Element> {
        let pointer = take(Element.self, values.count)
        for (index, value) in values.enumerated() { pointer[index] = Element(value) }
        return pointer
    }

    /// Allocates `values` as Int32.
    package func integers(_ values: [Int]) -> UnsafeMutablePointer<Int32> {
        let pointer = take(Int32.self, values.count)
        for (index, value) in values.enumerated() { pointer[index] = Int32(value) }
        return pointer
    }

    /// Allocates `count` elements that are initially NaN.
    @_specialize(where Element == Float)
    @_specialize(where Element == Float16)
    package func output<Element: Storage>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
        let pointer = take(Element.self, count)
        pointer.update(repeating: Element(Float.nan), count: count)
        return pointer
    }

    private func take<Element>(_: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
        let margin = TestMemory.marginBytes
        let lower = margin + MemoryLayout<Element>.stride
        let payload = lower..<lower + count * MemoryLayout<Element>.stride
        let bytes = payload.upperBound + margin
        let start = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: margin)
        start.initializeMemory(as: UInt8.self, repeating: TestMemory.canary, count: bytes)
        allocations.append(Allocation(start: start, bytes: bytes, payload: payload))
        return (start + lower).bindMemory(to: Element.self, capacity: count)
    }

    fileprivate func expectCanaries(_ sourceLocation: SourceLocation) {
        for (index, allocation) in allocations.enumerated() {
            let touched = (0..<allocation.bytes).first {
                !allocation.payload.contains($0)
                    && allocation.start.load(fromByteOffset: $0, as: UInt8.self) != TestMemory.canary
            }
            if let touched {
                Issue.record(
                    "allocation \(index): byte \(touched - allocation.payload.lowerBound) was written outside",
                    sourceLocation: sourceLocation)
            }
        }
    }
}

/// Calls `body` with memory that is valid until it returns, and expects no writes out of bounds.
package func withTestMemory<Result>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (TestMemory) throws -> Result
) rethrows -> Result {
    let memory = TestMemory()
    let result = try body(memory)
    memory.expectCanaries(sourceLocation)
    return result
}

/// Returns the `count` elements at `pointer`.
package func array<Element>(_ pointer: UnsafePointer<Element>, _ count: Int) -> [Element] {
    Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// Returns the `count` elements at `pointer`.
package func array<Element>(_ pointer: UnsafeMutablePointer<Element>, _ count: Int) -> [Element] {
    array(UnsafePointer(pointer), count)
}
