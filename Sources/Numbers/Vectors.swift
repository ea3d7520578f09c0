import CTiles

/// The number of lanes of every kernel's vectors.
@inlinable @inline(__always) package var lanes: Int { 16 }

/// The vectors of a row in two parts: the whole ones, and the remainder at its end.
///
/// A loop over the parts and one over the offsets of a part are compiled for whole vectors and again for the remainder:
/// the former has no instruction for incomplete vectors. They are plain loops, whose sums stay in registers; those of a
/// closure are kept in memory.
@usableFromInline
package struct RowVectors: Sequence, IteratorProtocol {
    @usableFromInline let start: Int
    @usableFromInline let count: Int
    @usableFromInline var part = 0

    @inlinable @inline(__always)
    init(start: Int, count: Int) { (self.start, self.count) = (start, count) }

    @inlinable @inline(__always)
    package mutating func next() -> (offsets: VectorOffsets, width: Int)? {
        guard part < 2 else { return nil }
        defer { part &+= 1 }
        let remainder = count & (lanes &- 1)
        let end = start &+ count
        return part == 0
            ? (VectorOffsets(start: start, end: end &- remainder), lanes)
            : (VectorOffsets(start: end &- remainder, end: end), remainder)
    }
}

/// The offsets of vectors of the same width.
@usableFromInline
package struct VectorOffsets: Sequence, IteratorProtocol {
    @usableFromInline var offset: Int
    @usableFromInline let end: Int

    @inlinable @inline(__always)
    init(start: Int, end: Int) { (offset, self.end) = (start, end) }

    @inlinable @inline(__always)
    package mutating func next() -> Int? {
        guard offset < end else { return nil }
        defer { offset &+= lanes }
        return offset
    }
}

/// Returns the vectors of `count` elements.
@inlinable @inline(__always)
package func vectors(_ count: Int) -> RowVectors { RowVectors(start: 0, count: count) }

/// Returns the vectors of the elements of `range`, with offsets in that range.
@inlinable @inline(__always)
package func vectors(in range: Range<Int>) -> RowVectors { RowVectors(start: range.lowerBound, count: range.count) }

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
