/// The number of lanes of every kernel's vectors.
@inlinable @inline(__always) package var lanes: Int { 16 }

/// Calls `body(offset, 16)` for each whole vector of `count` elements, then once for the remainder.
@inlinable @inline(__always)
package func forEachVector(_ count: Int, _ body: (_ offset: Int, _ width: Int) -> Void) {
    let whole = count & ~(lanes - 1)
    var offset = 0
    while offset < whole {
        body(offset, lanes)
        offset += lanes
    }
    if offset < count { body(offset, count - offset) }
}

/// Calls `body` in the same way for the elements of `range`, with offsets in that range.
@inlinable @inline(__always)
package func forEachVector(in range: Range<Int>, _ body: (_ offset: Int, _ width: Int) -> Void) {
    forEachVector(range.count) { offset, width in body(range.lowerBound + offset, width) }
}

/// Loads `width` elements at `pointer`; the remaining lanes hold `filler`.
@inlinable @inline(__always)
package func load<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int, filler: Float = 0) -> SIMD16<Float>
{
    if width == lanes { return Element.load(pointer) }
    var vector = SIMD16<Float>(repeating: filler)
    for lane in 0..<width { vector[lane] = Float(pointer[lane]) }
    return vector
}

/// Loads `width` elements at `pointer`; the remaining lanes hold `filler`.
@inlinable @inline(__always)
package func load<Element: Storage>(
    _ pointer: UnsafeMutablePointer<Element>, _ width: Int, filler: Float = 0
) -> SIMD16<Float> {
    load(UnsafePointer(pointer), width, filler: filler)
}

/// Returns the bits of `width` elements at `pointer`, each in a word; the remaining words are 0.
@inlinable @inline(__always)
package func words<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int) -> VectorBits {
    if width == lanes { return Element.words(pointer) }
    var words = VectorBits()
    for lane in 0..<width { words[lane] = pointer[lane].word }
    return words
}

/// Stores the first `width` lanes at `pointer`.
@inlinable @inline(__always)
package func store<Element: Storage>(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Element>, _ width: Int) {
    if width == lanes { return Element.store(vector, pointer) }
    for lane in 0..<width { pointer[lane] = Element(vector[lane]) }
}

extension SIMD16<UInt32> {
    /// Stores the first `width` lanes at `pointer`.
    @inlinable @inline(__always)
    package func store(_ pointer: UnsafeMutablePointer<UInt32>, _ width: Int = lanes) {
        if width == lanes { return UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: VectorBits.self) }
        for lane in 0..<width { pointer[lane] = self[lane] }
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
