import Tensors

/// Returns Σ values² in Float64, which is infinite or NaN exactly if a value is.
///
/// - Complexity: O(count); allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func sumOfSquares<Element: Storage>(_ values: UnsafePointer<Element>, count: Int) -> Double {
    var squares = Squares()
    for (offsets, width) in vectors(count) { for i in offsets { squares.add(load(values + i, width)) } }
    return squares.total
}

/// A sum of squares, accumulated sixteen values at a time.
struct Squares {
    private var low = SIMD8<Double>()
    private var high = SIMD8<Double>()

    @_transparent
    mutating func add(_ x: SIMD16<Float>) {
        let (a, b) = (doubles(x.lowHalf), doubles(x.highHalf))
        low = low.addingProduct(a, a)
        high = high.addingProduct(b, b)
    }

    var total: Double {
        let eight = low + high
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
}

@inline(__always)
private func doubles(_ x: SIMD8<Float>) -> SIMD8<Double> {
    var result = SIMD8<Double>()
    for lane in 0..<8 { result[lane] = Double(x[lane]) }
    return result
}
