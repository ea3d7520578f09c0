import CTiles

/// The number of lanes of every kernel's vectors.
@inlinable @inline(__always) package var lanes: Int { 16 }

/// The vectors of a row: offset and width of each, which is 16 except for a remainder at the end.
///
/// Loops over them are plain loops, whose sums stay in registers; those of a closure are kept in memory.
@usableFromInline
package struct RowVectors: Sequence, IteratorProtocol {
    @usableFromInline var offset: Int
    @usableFromInline let end: Int

    @inlinable @inline(__always)
    init(offset: Int, end: Int) { (self.offset, self.end) = (offset, end) }

    @inlinable @inline(__always)
    package mutating func next() -> (offset: Int, width: Int)? {
        guard offset < end else { return nil }
        defer { offset &+= lanes }
        return (offset, Swift.min(lanes, end &- offset))
    }
}

/// Returns the vectors of `count` elements.
@inlinable @inline(__always)
package func vectors(_ count: Int) -> RowVectors { RowVectors(offset: 0, end: count) }

/// Returns the vectors of the elements of `range`, with offsets in that range.
@inlinable @inline(__always)
package func vectors(in range: Range<Int>) -> RowVectors {
    RowVectors(offset: range.lowerBound, end: range.upperBound)
}

/// Loads `width` ≤ 16 elements at `pointer`; the remaining lanes hold `filler`.
@inlinable @inline(__always)
package func load<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int, filler: Float = 0) -> SIMD16<Float>
{
    let vector = Element.load(pointer, width)
    return width == lanes ? vector : ctiles_filled(vector, width, filler)
}

/// Loads `width` ≤ 16 elements at `pointer`; the remaining lanes hold `filler`.
@inlinable @inline(__always)
package func load<Element: Storage>(
    _ pointer: UnsafeMutablePointer<Element>, _ width: Int, filler: Float = 0
) -> SIMD16<Float> {
    load(UnsafePointer(pointer), width, filler: filler)
}

/// Returns the bits of `width` ≤ 16 elements at `pointer`, each in a word; the remaining words are 0.
@inlinable @inline(__always)
package func words<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int) -> VectorBits {
    Element.words(pointer, width)
}

/// Stores the first `width` ≤ 16 lanes at `pointer`.
@inlinable @inline(__always)
package func store<Element: Storage>(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Element>, _ width: Int) {
    Element.store(vector, pointer, width)
}

extension SIMD16<UInt32> {
    /// Stores the first `width` lanes at `pointer`.
    @inlinable @inline(__always)
    package func store(_ pointer: UnsafeMutableRawPointer, _ width: Int = lanes) {
        if width == lanes { return pointer.storeBytes(of: self, as: VectorBits.self) }
        ctiles_store_words(self, pointer, width)
    }
}

extension SIMD16<Float> {
    /// The bits of all lanes.
    @inlinable @inline(__always)
    package var bits: SIMD16<UInt32> { unsafeBitCast(self, to: SIMD16<UInt32>.self) }

    /// The sum of all lanes, by recursive halving.
    @inlinable @inline(__always)
    package var lanesSum: Float {
        let eight = lowHalf + highHalf
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    /// The maximum of all lanes.
    @inlinable @inline(__always)
    package var lanesMaximum: Float {
        let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x > two.y ? two.x : two.y
    }
}
