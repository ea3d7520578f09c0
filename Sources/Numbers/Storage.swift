import CTiles
import Tensors

/// The storage types of weights, activations and gradients.
///
/// Kernels compute in Float32 for every storage type: they load and store vectors of sixteen elements and convert
/// the other types in the process (one instruction for Float16 with F16C or AVX-512).
@usableFromInline
package protocol Storage: BitwiseCopyable, Equatable, Sendable, ExpressibleByIntegerLiteral {
    /// The format of an element in memory.
    static var format: FloatFormat { get }
    /// Loads `width` ≤ 16 elements at `pointer`; the remaining lanes hold 0.
    static func load(_ pointer: UnsafePointer<Self>, _ width: Int) -> SIMD16<Float>
    /// Stores the first `width` ≤ 16 lanes at `pointer`, rounding to nearest even.
    static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Self>, _ width: Int)
    /// Returns the bits of `width` ≤ 16 elements at `pointer`, each in a word; the remaining words are 0.
    static func words(_ pointer: UnsafePointer<Self>, _ width: Int) -> VectorBits
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
    package static func load(_ pointer: UnsafePointer<Float>, _ width: Int) -> SIMD16<Float> {
        unsafeBitCast(words(pointer, width), to: SIMD16<Float>.self)
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float>, _ width: Int) {
        vector.bits.store(pointer, width)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<Float>, _ width: Int) -> VectorBits {
        if width == lanes { return UnsafeRawPointer(pointer).loadUnaligned(as: VectorBits.self) }
        return ctiles_load_words(pointer, width)
    }

    @inlinable package var word: UInt32 { bitPattern }
}

extension Float16: Storage {
    @inlinable package static var format: FloatFormat { .float16 }
    @inlinable @inline(__always) package var float32: Float { Float(self) }

    @inlinable @inline(__always)
    package static func load(_ pointer: UnsafePointer<Float16>, _ width: Int) -> SIMD16<Float> {
        ctiles_float16_to_numbers(halves(pointer, width))
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float16>, _ width: Int) {
        storeHalves(ctiles_numbers_to_float16(vector), pointer, width)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<Float16>, _ width: Int) -> VectorBits {
        wordsOfHalves(pointer, width)
    }

    @inlinable package var word: UInt32 { UInt32(bitPattern) }
}

extension BFloat16: Storage {
    @inlinable package static var format: FloatFormat { .bfloat16 }
    @inlinable package init(_ value: Double) { self.init(Float(value)) }

    @inlinable @inline(__always)
    package static func load(_ pointer: UnsafePointer<BFloat16>, _ width: Int) -> SIMD16<Float> {
        unsafeBitCast(words(pointer, width) &<< 16, to: SIMD16<Float>.self)
    }

    @inlinable @inline(__always)
    package static func store(_ vector: SIMD16<Float>, _ pointer: UnsafeMutablePointer<BFloat16>, _ width: Int) {
        storeHalves(halvesOfBFloat16(vector), pointer, width)
    }

    @inlinable @inline(__always)
    package static func words(_ pointer: UnsafePointer<BFloat16>, _ width: Int) -> VectorBits {
        wordsOfHalves(pointer, width)
    }

    @inlinable package var word: UInt32 { UInt32(bitPattern) }
}

/// Returns `width` ≤ 16 halves of words; the remaining ones are 0.
@inlinable @inline(__always)
func halves(_ pointer: UnsafeRawPointer, _ width: Int) -> SIMD16<UInt16> {
    if width == lanes { return pointer.loadUnaligned(as: SIMD16<UInt16>.self) }
    return ctiles_load_halves(pointer, width)
}

/// Returns `width` ≤ 16 halves of words, each in a word; the remaining words are 0.
@inlinable @inline(__always)
func wordsOfHalves(_ pointer: UnsafeRawPointer, _ width: Int) -> VectorBits {
    ctiles_halves_to_words(halves(pointer, width))
}

/// Stores the first `width` ≤ 16 halves of words.
@inlinable @inline(__always)
func storeHalves(_ halves: SIMD16<UInt16>, _ pointer: UnsafeMutableRawPointer, _ width: Int) {
    if width == lanes { return pointer.storeBytes(of: halves, as: SIMD16<UInt16>.self) }
    ctiles_store_halves(halves, pointer, width)
}
