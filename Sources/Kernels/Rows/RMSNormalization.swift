import Numbers
import Tensors

// R rows, C columns.

/// Divides each row of `input` by its root mean square, then scales it.
///
/// - Parameters:
///   - input: [R, C].
///   - scale: Gain g, [C].
///   - offset: Added to g: 1 if the gain is stored as its difference from 1.
///   - epsilon: ε, added to the mean square.
///   - output: [R, C].
///   - reciprocals: [R]; 1/√(mean square + ε) of each row, for the backward pass.
/// - Complexity: O(R · C); allocates nothing.
/// - Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func rmsNormalization<Element: Storage>(
    _ input: UnsafePointer<Element>, scale: UnsafePointer<Element>, offset: Float = 0, epsilon: Float = 1e-5,
    into output: UnsafeMutablePointer<Element>, reciprocals: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int
) {
    parallelRows(R, columns: C) { rows in
        for r in rows {
            let (x, y) = (input + r * C, output + r * C)
            var squares = SIMD16<Float>()
            for (offsets, width) in vectors(C) {
                for c in offsets {
                    let value = load(x + c, width)
                    squares = squares.addingProduct(value, value)
                }
            }
            let reciprocal = 1 / (squares.lanesSum / Float(C) + epsilon).squareRoot()
            for (offsets, width) in vectors(C) {
                for c in offsets {
                    store(load(x + c, width) * reciprocal * (load(scale + c, width) + offset), y + c, width)
                }
            }
            reciprocals[r] = reciprocal
        }
    }
}

/// Computes the backward pass of `rmsNormalization`.
///
/// - Parameters:
///   - input: [R, C], the input of the forward pass.
///   - outputGradient: [R, C].
///   - inputGradient: [R, C], added to; it already holds the gradient of the residual stream.
///   - scaleGradient: [C], overwritten.
///   - sums: Scratch, [C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func rmsNormalizationBackward<Element: Storage>(
    _ input: UnsafePointer<Element>, scale: UnsafePointer<Element>, offset: Float = 0,
    reciprocals: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    accumulatingInto inputGradient: UnsafeMutablePointer<Float>, scaleGradient: UnsafeMutablePointer<Element>,
    sums: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int
) {
    sums.update(repeating: 0, count: C)
    // Parallelized over rows, then over columns, as in `layerNormalizationBackward`.
    forEachRowBlock(R, columns: C) { block in
        parallelRows(block.count, columns: C) { rows in
            for r in block.lowerBound + rows.lowerBound..<block.lowerBound + rows.upperBound {
                let (x, dy, dx) = (input + r * C, outputGradient + r * C, inputGradient + r * C)
                let reciprocal = reciprocals[r]
                var product = SIMD16<Float>()
                for (offsets, width) in vectors(C) {
                    for c in offsets {
                        let scaled = load(dy + c, width) * (load(scale + c, width) + offset)
                        product = product.addingProduct(scaled, load(x + c, width) * reciprocal)
                    }
                }
                let productMean = product.lanesSum / Float(C)
                for (offsets, width) in vectors(C) {
                    for c in offsets {
                        let scaled = load(dy + c, width) * (load(scale + c, width) + offset)
                        let change = (scaled - load(x + c, width) * reciprocal * productMean) * reciprocal
                        store(load(dx + c, width) + change, dx + c, width)
                    }
                }
            }
        }
        parallelColumns(C, rows: block.count) { columns in
            for r in block {
                let (x, dy, reciprocal) = (input + r * C, outputGradient + r * C, reciprocals[r])
                for (offsets, width) in vectors(in: columns) {
                    for c in offsets {
                        let normalized = load(x + c, width) * reciprocal
                        store(load(sums + c, width).addingProduct(load(dy + c, width), normalized), sums + c, width)
                    }
                }
            }
        }
    }
    convert(UnsafePointer(sums), into: scaleGradient, count: C)
}
