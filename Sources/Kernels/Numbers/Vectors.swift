import CTiles
import Tensors

/// The storage types of weights, activations and gradients.
///
/// Kernels compute in Float32 for every storage type: they load and store vectors of sixteen elements and convert
/// the other types in the process (one instruction for Float16 with F16C or AVX-512).
package protocol Storage: BitwiseCopyable, Equatable, Sendable, ExpressibleByIntegerLiteral {
    /// The format of an element in memory.
    static var format: FloatFormat { get }
    /// Loads sixteen elements at `pointer`.
    static func load(_ pointer: UnsafePointer<Self>) -> SIMD16<Float>
    /// Stores sixteen elements at `pointer`, rounding to nearest even.
    static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Self>)
    /// The nearest element, ties to even.
    init(_ value: Float)
    /// The nearest element, ties to even.
    init(_ value: Double)
    /// The same number as a Float32.
    var float32: Float { get }
}

extension Double {
    /// The same number as a Float64.
    package init<Element: Storage>(_ element: Element) { self = Double(element.float32) }
}

extension Float: Storage {
    package static var format: FloatFormat { .float32 }
    @inline(__always) package var float32: Float { self }

    /// The same number as a Float32.
    @inline(__always) package init<Element: Storage>(_ element: Element) { self = element.float32 }

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
    package static var format: FloatFormat { .float16 }
    @inline(__always) package var float32: Float { Float(self) }

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

extension BFloat16: Storage {
    package static var format: FloatFormat { .bfloat16 }
    package init(_ value: Double) { self.init(Float(value)) }

    @inline(__always)
    package static func load(_ pointer: UnsafePointer<BFloat16>) -> SIMD16<Float> {
        let halves = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<UInt16>.self)
        var bits = VectorBits()
        // Lane by lane like Float16.
        for lane in 0..<16 { bits[lane] = UInt32(halves[lane]) }
        return unsafeBitCast(bits &<< 16, to: SIMD16<Float>.self)
    }

    @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<BFloat16>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: halvesOfBFloat16(vector), as: SIMD16<UInt16>.self)
    }
}

/// Sixteen words of 32 bits.
typealias VectorBits = SIMD16<UInt32>

/// Returns the nearest bfloat16 values, ties to even; NaN and infinity are kept.
///
/// Where the CPU has an instruction for it, denormals become 0, which arithmetic on compute threads never yields.
@inline(__always)
func halvesOfBFloat16(_ x: SIMD16<Float>) -> SIMD16<UInt16> {
    if ctiles_rounds_to_bfloat16() == 1 { return ctiles_round_to_bfloat16(x) }
    return exactHalvesOfBFloat16(x)
}

/// Returns the same with denormals, as numbers that are stored must have.
@inline(__always)
func exactHalvesOfBFloat16(_ x: SIMD16<Float>) -> SIMD16<UInt16> {
    let bits = roundedByIntegers(x) &>> 16
    var halves = SIMD16<UInt16>()
    for lane in 0..<16 { halves[lane] = UInt16(truncatingIfNeeded: bits[lane]) }
    return halves
}

/// Returns the values of `halvesOfBFloat16` as the upper halves of Float32 bits.
@inline(__always)
func roundedToBFloat16(_ x: SIMD16<Float>) -> VectorBits {
    if ctiles_rounds_to_bfloat16() == 0 { return roundedByIntegers(x) }
    let halves = ctiles_round_to_bfloat16(x)
    var bits = VectorBits()
    for lane in 0..<16 { bits[lane] = UInt32(halves[lane]) }
    return bits &<< 16
}

@inline(__always)
private func roundedByIntegers(_ x: SIMD16<Float>) -> VectorBits {
    let bits = x.bits
    var rounded = bits &+ ((bits &>> 16) & 1) &+ 0x7FFF
    // Rounding must not turn a NaN into infinity, so its mantissa keeps the bit that makes it quiet.
    rounded.replace(with: bits | 0x40_0000, where: x .!= x)
    return rounded & 0xFFFF_0000
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

extension SIMD16<UInt32> {
    /// Stores the first `width` lanes at `pointer`.
    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<UInt32>, _ width: Int = lanes) {
        if width == lanes { return UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: VectorBits.self) }
        for lane in 0..<width { pointer[lane] = self[lane] }
    }
}

extension SIMD16<Float> {
    /// The bits of all lanes.
    @inline(__always)
    var bits: SIMD16<UInt32> { unsafeBitCast(self, to: SIMD16<UInt32>.self) }

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
