import Tensors

/// The storage types of weights, activations and gradients.
///
/// Kernels compute in Float32 for every storage type: they load and store vectors of sixteen elements and convert
/// the other types in the process (one instruction for Float16 with F16C or AVX-512).
@usableFromInline
package protocol Storage: BitwiseCopyable, Equatable, Sendable, ExpressibleByIntegerLiteral {
    /// The format of an element in memory.
    static var format: FloatFormat { get }
    /// Loads sixteen elements at `pointer`.
    static func load(_ pointer: UnsafePointer<Self>) -> SIMD16<Float>
    /// Stores sixteen elements at `pointer`, rounding to nearest even.
    static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Self>)
    /// Returns the bits of sixteen elements at `pointer`, each in a word.
    static func words(_ pointer: UnsafePointer<Self>) -> VectorBits
    /// The nearest element, ties to even.
    init(_ value: Float)
    /// The nearest element, ties to even.
    init(_ value: Double)
    /// The same number as a Float32.
    var float32: Float { get }
    /// The bits in a word.
    var word: UInt32 { get }
}

extension Double {
    /// The same number as a Float64.
    @inlinable @inline(__always) package init<Element: Storage>(_ element: Element) { self = Double(element.float32) }
}

extension Float: Storage {
    @inlinable package static var format: FloatFormat { .float32 }
    @inlinable @inline(__always) package var float32: Float { self }

    /// The same number as a Float32.
    @inlinable @inline(__always) package init<Element: Storage>(_ element: Element) { self = element.float32 }

    @inlinable @inline(__always)
    package static func load(_ pointer: UnsafePointer<Float>) -> SIMD16<Float> {
        UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float>.self)
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: SIMD16<Float>.self)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<Float>) -> VectorBits { load(pointer).bits }

    @inlinable package var word: UInt32 { bitPattern }
}

extension Float16: Storage {
    @inlinable package static var format: FloatFormat { .float16 }
    @inlinable @inline(__always) package var float32: Float { Float(self) }

    @inlinable @inline(__always)
    package static func load(_ pointer: UnsafePointer<Float16>) -> SIMD16<Float> {
        let halves = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float16>.self)
        var vector = SIMD16<Float>()
        // Lane by lane, because `SIMD16<Float>(halves)` compiles to a loop of calls and this to one conversion
        // instruction.
        for lane in 0..<16 { vector[lane] = Float(halves[lane]) }
        return vector
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float16>) {
        var halves = SIMD16<Float16>()
        for lane in 0..<16 { halves[lane] = Float16(vector[lane]) }
        UnsafeMutableRawPointer(pointer).storeBytes(of: halves, as: SIMD16<Float16>.self)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<Float16>) -> VectorBits { wordsOfHalves(pointer) }

    @inlinable package var word: UInt32 { UInt32(bitPattern) }
}

extension BFloat16: Storage {
    @inlinable package static var format: FloatFormat { .bfloat16 }
    @inlinable package init(_ value: Double) { self.init(Float(value)) }

    @inlinable @inline(__always)
    package static func load(_ pointer: UnsafePointer<BFloat16>) -> SIMD16<Float> {
        unsafeBitCast(words(pointer) &<< 16, to: SIMD16<Float>.self)
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<BFloat16>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: halvesOfBFloat16(vector), as: SIMD16<UInt16>.self)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<BFloat16>) -> VectorBits { wordsOfHalves(pointer) }

    @inlinable package var word: UInt32 { UInt32(bitPattern) }
}

/// Returns sixteen halves of words, each in a word.
@inlinable @inline(__always)
func wordsOfHalves(_ pointer: UnsafeRawPointer) -> VectorBits {
    let halves = pointer.loadUnaligned(as: SIMD16<UInt16>.self)
    var words = VectorBits()
    // Lane by lane, which compiles to one instruction; see above.
    for lane in 0..<16 { words[lane] = UInt32(halves[lane]) }
    return words
}
