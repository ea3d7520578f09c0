/// The storage types of weights, activations and gradients.
///
/// Kernels compute in Float32 for every storage type: they load and store vectors of sixteen elements and convert
/// Float16 in the process (one instruction with F16C or AVX-512).
package protocol Storage: SIMDScalar, BinaryFloatingPoint, Codable, Sendable {
    /// Loads sixteen elements at `pointer`.
    static func load(_ pointer: UnsafePointer<Self>) -> SIMD16<Float>
    /// Stores sixteen elements at `pointer`, rounding to nearest even.
    static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Self>)
}

extension Float: Storage {
    @inline(__always)
    package static func load(_ pointer: UnsafePointer<Float>) -> SIMD16<Float> {
        UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float>.self)
    }

    @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: SIMD16<Float>.self)
    }
}

extension Float16: Storage {
    @inline(__always)
    package static func load(_ pointer: UnsafePointer<Float16>) -> SIMD16<Float> {
        let halves = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float16>.self)
        var vector = SIMD16<Float>()
        // Lane by lane, because `SIMD16<Float>(halves)` compiles to a loop of calls and this to one conversion
        // instruction.
        for lane in 0..<16 { vector[lane] = Float(halves[lane]) }
        return vector
    }

    @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float16>) {
        var halves = SIMD16<Float16>()
        for lane in 0..<16 { halves[lane] = Float16(vector[lane]) }
        UnsafeMutableRawPointer(pointer).storeBytes(of: halves, as: SIMD16<Float16>.self)
    }
}

/// The number of lanes of every kernel's vectors.
let lanes = 16

/// Calls `body(offset, 16)` for each whole vector of `count` elements, then once for the remainder.
@inline(__always)
func forEachVector(_ count: Int, _ body: (_ offset: Int, _ width: Int) -> Void) {
    let whole = count & ~(lanes - 1)
    var offset = 0
    while offset < whole {
        body(offset, lanes)
        offset += lanes
    }
    if offset < count { body(offset, count - offset) }
}

/// Calls `body` in the same way for the elements of `range`, with offsets in that range.
@inline(__always)
func forEachVector(in range: Range<Int>, _ body: (_ offset: Int, _ width: Int) -> Void) {
    forEachVector(range.count) { offset, width in body(range.lowerBound + offset, width) }
}

/// Loads `width` elements at `pointer`; the remaining lanes hold `filler`.
@inline(__always)
func load<Element: Storage>(_ pointer: UnsafePointer<Element>, _ width: Int, filler: Float = 0) -> SIMD16<Float> {
    if width == lanes { return Element.load(pointer) }
    var vector = SIMD16<Float>(repeating: filler)
    for lane in 0..<width { vector[lane] = Float(pointer[lane]) }
    return vector
}

/// Loads `width` elements at `pointer`; the remaining lanes hold `filler`.
@inline(__always)
func load<Element: Storage>(
    _ pointer: UnsafeMutablePointer<Element>, _ width: Int, filler: Float = 0
) -> SIMD16<Float> {
    load(UnsafePointer(pointer), width, filler: filler)
}

/// Stores the first `width` lanes at `pointer`.
@inline(__always)
func store<Element: Storage>(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Element>, _ width: Int) {
    if width == lanes { return Element.store(vector, pointer) }
    for lane in 0..<width { pointer[lane] = Element(vector[lane]) }
}

extension SIMD16<Float> {
    /// The sum of all lanes, by recursive halving.
    @inline(__always)
    var lanesSum: Float {
        let eight = lowHalf + highHalf
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    /// The maximum of all lanes.
    @inline(__always)
    var lanesMaximum: Float {
        let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let four = eight.lowHalf.replacing(with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x > two.y ? two.x : two.y
    }
}
