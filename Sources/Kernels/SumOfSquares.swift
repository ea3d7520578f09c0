/// Σ values², in Float64: infinite or NaN exactly when a value is.
///
/// - Complexity: O(count); allocates nothing.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func sumOfSquares<Element: Storage>(_ values: UnsafePointer<Element>, count: Int) -> Double {
    var low = SIMD8<Double>()
    var high = SIMD8<Double>()
    forEachVector(count) { i, width in
        let x = load(values + i, width)
        let (a, b) = (doubles(x.lowHalf), doubles(x.highHalf))
        low = low.addingProduct(a, a)
        high = high.addingProduct(b, b)
    }
    let eight = low + high
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}

/// Σ values² of each chunk of `chunk` elements by itself: sums[i] is that of elements i · chunk and up.
///
/// - Parameter sums: As many as there are chunks, the last of which may be shorter.
/// - Complexity: O(count); allocates nothing.
package func sumsOfSquares<Element: Storage>(
    _ values: UnsafePointer<Element>, into sums: UnsafeMutablePointer<Double>, count: Int, chunk: Int
) {
    parallelRows((count + chunk - 1) / chunk, columns: chunk) { chunks in
        for index in chunks {
            let start = index * chunk
            sums[index] = sumOfSquares(values + start, count: min(chunk, count - start))
        }
    }
}

@inline(__always)
private func doubles(_ x: SIMD8<Float>) -> SIMD8<Double> {
    var result = SIMD8<Double>()
    for lane in 0..<8 { result[lane] = Double(x[lane]) }
    return result
}
