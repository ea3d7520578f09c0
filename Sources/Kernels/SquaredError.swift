// R rows, K outputs.

/// The squared error of each row: Σ over its outputs of (output − target)².
///
/// - Parameters:
///   - outputs: [R, K].
///   - targets: [R, K]; NaN where the output does not count, for any number may be a target.
///   - losses: [R].
package func squaredError(
    _ outputs: UnsafePointer<Float>, targets: UnsafePointer<Float>, into losses: UnsafeMutablePointer<Float>,
    rows R: Int, outputs K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (y, t) = (outputs + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            forEachVector(K) { k, width in
                let error = countedError(y + k, t + k, width)
                sum = sum.addingProduct(error, error)
            }
            losses[r] = sum.lanesSum
        }
    }
}

/// The same, and the gradient of `gradientScale` · Σ losses in the place of the outputs.
///
/// - Parameter outputs: [R, K]; afterwards gradientScale · 2(output − target), and 0 where it does not count.
package func squaredErrorWithGradient(
    _ outputs: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, gradientScale: Float,
    losses: UnsafeMutablePointer<Float>, rows R: Int, outputs K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (y, t) = (outputs + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            forEachVector(K) { k, width in
                let error = countedError(y + k, t + k, width)
                sum = sum.addingProduct(error, error)
                store(error * (2 * gradientScale), y + k, width)
            }
            losses[r] = sum.lanesSum
        }
    }
}

/// output − target, and 0 in the lanes that do not count.
@inline(__always)
private func countedError(
    _ outputs: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, _ width: Int
) -> SIMD16<Float> {
    let target = load(targets, width)
    return (load(outputs, width) - target).replacing(with: 0, where: target .!= target)
}
