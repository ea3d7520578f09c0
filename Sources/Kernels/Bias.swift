// R rows, C columns.

/// output[r, c] = input[r, c] + bias[c], rounded to the output's type; `bias` nil adds nothing.
///
/// - Parameters:
///   - input: [R, C]; it may be the output.
///   - bias: [C].
@_specialize(where Bias == Float, Output == Float)
@_specialize(where Bias == Float16, Output == Float16)
@_specialize(where Bias == Float16, Output == Float)
package func addBias<Bias: Storage, Output: Storage>(
    _ input: UnsafePointer<Float>, _ bias: UnsafePointer<Bias>?, into output: UnsafeMutablePointer<Output>,
    rows R: Int, columns C: Int
) {
    for r in 0..<R {
        let (x, y) = (input + r * C, output + r * C)
        if let bias {
            forEachVector(C) { c, width in store(load(x + c, width) + load(bias + c, width), y + c, width) }
        } else if UnsafeRawPointer(x) != UnsafeRawPointer(y) {
            convert(x, into: y, count: C)
        }
    }
}

/// gradient[c] = Σ over rows of outputGradient[r, c]: the bias's part of the backward pass.
///
/// Rows are added in pieces of 64, and the pieces in their order, so that long sums keep their small terms.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func biasGradient<Element: Storage>(
    _ outputGradient: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Element>, rows R: Int, columns C: Int
) {
    forEachVector(C) { c, width in
        var total = SIMD16<Float>()
        for start in stride(from: 0, to: R, by: 64) {
            var piece = SIMD16<Float>()
            for r in start..<min(start + 64, R) { piece += load(outputGradient + r * C + c, width) }
            total += piece
        }
        store(total, gradient + c, width)
    }
}
