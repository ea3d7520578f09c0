import Numbers
import Tensors

// R rows, C columns.

/// The number of rows that loops of a normalization process at a time: a loop that sums each of several rows overlaps
/// their sums, one that sums a row and then uses the sum does not.
let rowGroup = 8
/// A number of each row of a group.
typealias RowSums = SIMD8<Float>

/// Normalizes each row of `input` to zero mean and unit variance, then scales and shifts it.
///
/// - Parameters:
///   - input: [R, C].
///   - scale: Gain γ, [C].
///   - shift: β, [C]; nil: no shift.
///   - epsilon: ε, added to the variance; the default is GPT-2's.
///   - output: [R, C].
///   - means, reciprocals: [R]; the mean and 1/√(variance + ε) of each row, for the backward pass.
/// - Complexity: O(R · C); allocates nothing.
/// - Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func layerNormalization<Element: Storage>(
    _ input: UnsafePointer<Element>, scale: UnsafePointer<Element>, shift: UnsafePointer<Element>?,
    epsilon: Float = 1e-5, into output: UnsafeMutablePointer<Element>,
    means: UnsafeMutablePointer<Float>, reciprocals: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int
) {
    parallelRows(R, columns: C) { rows in
        forEachBlock(of: rowGroup, in: rows) { group in
            for r in group {
                let x = input + r * C
                var sum = SIMD16<Float>()
                for (offsets, width) in vectors(C) { for c in offsets { sum += load(x + c, width) } }
                means[r] = sum.lanesSum / Float(C)
            }
            for r in group {
                let (x, mean) = (input + r * C, means[r])
                var squares = SIMD16<Float>()
                for (offsets, width) in vectors(C) {
                    for c in offsets {
                        let centred = load(x + c, width, filler: mean) - mean
                        squares = squares.addingProduct(centred, centred)
                    }
                }
                reciprocals[r] = 1 / (squares.lanesSum / Float(C) + epsilon).squareRoot()
            }
            for r in group {
                let (x, y, mean, reciprocal) = (input + r * C, output + r * C, means[r], reciprocals[r])
                for (offsets, width) in vectors(C) {
                    for c in offsets {
                        let normalized = (load(x + c, width) - mean) * reciprocal
                        let scaled = normalized * load(scale + c, width)
                        store(shift.map { scaled + load($0 + c, width) } ?? scaled, y + c, width)
                    }
                }
            }
        }
    }
}

/// Computes the backward pass of `layerNormalization`.
///
/// - Parameters:
///   - input: [R, C], the input of the forward pass.
///   - outputGradient: [R, C].
///   - inputGradient: [R, C], added to; it already holds the gradient of the residual stream.
///   - scaleGradient, shiftGradient: [C], overwritten; `shiftGradient` is nil if there is no shift.
///   - sums: Scratch, [2, C].
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func layerNormalizationBackward<Element: Storage>(
    _ input: UnsafePointer<Element>, scale: UnsafePointer<Element>,
    means: UnsafePointer<Float>, reciprocals: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    accumulatingInto inputGradient: UnsafeMutablePointer<Float>,
    scaleGradient: UnsafeMutablePointer<Element>, shiftGradient: UnsafeMutablePointer<Element>?,
    sums: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int
) {
    let (scaleSums, shiftSums) = (sums, sums + C)
    sums.update(repeating: 0, count: 2 * C)
    // The input's gradient is parallelized over rows, the sums over rows are parallelized over columns; both process
    // one block of rows at a time, which is still in cache for the second pass.
    forEachRowBlock(R, columns: C) { block in
        parallelRows(block.count, columns: C) { rows in
            let rows = block.lowerBound + rows.lowerBound..<block.lowerBound + rows.upperBound
            forEachBlock(of: rowGroup, in: rows) { group in
                var (sumMeans, productMeans) = (RowSums(), RowSums())
                for r in group {
                    let (x, dy) = (input + r * C, outputGradient + r * C)
                    let (mean, reciprocal) = (means[r], reciprocals[r])
                    var (sum, product) = (SIMD16<Float>(), SIMD16<Float>())
                    for (offsets, width) in vectors(C) {
                        for c in offsets {
                            let normalized = (load(x + c, width, filler: mean) - mean) * reciprocal
                            let scaled = load(dy + c, width) * load(scale + c, width)
                            sum += scaled
                            product = product.addingProduct(scaled, normalized)
                        }
                    }
                    sumMeans[r - group.lowerBound] = sum.lanesSum / Float(C)
                    productMeans[r - group.lowerBound] = product.lanesSum / Float(C)
                }
                for r in group {
                    let (x, dy, dx) = (input + r * C, outputGradient + r * C, inputGradient + r * C)
                    let (mean, reciprocal) = (means[r], reciprocals[r])
                    let (sumMean, productMean) = (sumMeans[r - group.lowerBound], productMeans[r - group.lowerBound])
                    for (offsets, width) in vectors(C) {
                        for c in offsets {
                            let normalized = (load(x + c, width) - mean) * reciprocal
                            let scaled = load(dy + c, width) * load(scale + c, width)
                            let change = (scaled - sumMean - normalized * productMean) * reciprocal
                            store(load(dx + c, width) + change, dx + c, width)
                        }
                    }
                }
            }
        }
        parallelColumns(C, rows: block.count) { columns in
            for r in block {
                let (x, dy) = (input + r * C, outputGradient + r * C)
                let (mean, reciprocal) = (means[r], reciprocals[r])
                for (offsets, width) in vectors(in: columns) {
                    for c in offsets {
                        let normalized = (load(x + c, width) - mean) * reciprocal
                        let gradient = load(dy + c, width)
                        store(load(scaleSums + c, width).addingProduct(gradient, normalized), scaleSums + c, width)
                        store(load(shiftSums + c, width) + gradient, shiftSums + c, width)
                    }
                }
            }
        }
    }
    convert(UnsafePointer(scaleSums), into: scaleGradient, count: C)
    if let shiftGradient { convert(UnsafePointer(shiftSums), into: shiftGradient, count: C) }
}
