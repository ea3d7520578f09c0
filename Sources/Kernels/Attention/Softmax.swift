import Glibc
import Numbers

// R rows, C columns.

/// Replaces each row by its softmax, e^x / Σ e^x.
///
/// - Parameter rows: [R, C], overwritten; each row must have a value above −∞.
package func softmax(_ rows: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int) {
    parallelRows(R, columns: C) { range in
        for r in range {
            let x = rows + r * C
            let (maximum, sum) = softmaxTerms(x, C)
            let reciprocal = 1 / sum
            for (offsets, width) in vectors(C) {
                for c in offsets {
                    store(exponential(load(x + c, width) - maximum) * reciprocal, x + c, width)
                }
            }
        }
    }
}

/// Replaces each row by its log-softmax, x − log Σ e^x.
///
/// - Parameter rows: [R, C], overwritten; each row must have a value above −∞.
package func logSoftmax(_ rows: UnsafeMutablePointer<Float>, rows R: Int, columns C: Int) {
    parallelRows(R, columns: C) { range in
        for r in range {
            let x = rows + r * C
            let (maximum, sum) = softmaxTerms(x, C)
            let logarithm = log(sum)
            for (offsets, width) in vectors(C) {
                for c in offsets { store(load(x + c, width) - maximum - logarithm, x + c, width) }
            }
        }
    }
}

/// Returns the maximum of a row, and Σ e^(x − maximum).
@inline(__always)
func softmaxTerms(_ x: UnsafePointer<Float>, _ count: Int) -> (maximum: Float, sum: Float) {
    var highest = SIMD16<Float>(repeating: -.infinity)
    var invalid = SIMD16<Float>()
    for (offsets, width) in vectors(count) {
        for v in offsets {
            let values = load(x + v, width, filler: -.infinity)
            highest.replace(with: values, where: values .> highest)
            // Comparisons drop NaNs, but a NaN must reach the loss.
            invalid.replace(with: values, where: values .!= values)
        }
    }
    let maximum = highest.lanesMaximum + invalid.lanesSum
    var sum = SIMD16<Float>()
    for (offsets, width) in vectors(count) {
        for v in offsets { sum += exponential(load(x + v, width, filler: -.infinity) - maximum) }
    }
    return (maximum, sum.lanesSum)
}
