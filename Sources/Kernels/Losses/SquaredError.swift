import Numbers

// R rows, K outputs.

/// Computes the squared error of each row: Σ over outputs of (output − target)².
///
/// - Parameters:
///   - outputs: [R, K].
///   - targets: [R, K]; NaN where the output has no loss, since every other value is a valid target.
///   - losses: [R].
package func squaredError(
    _ outputs: UnsafePointer<Float>, targets: UnsafePointer<Float>, into losses: UnsafeMutablePointer<Float>,
    rows R: Int, outputs K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (y, t) = (outputs + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            for (offsets, width) in vectors(K) {
                for k in offsets {
                    let error = countedError(y + k, t + k, width)
                    sum = sum.addingProduct(error, error)
                }
            }
            losses[r] = sum.lanesSum
        }
    }
}

/// Computes the losses of `squaredError`, and replaces the outputs by the gradient of `gradientScale` · Σ losses.
///
/// - Parameter outputs: [R, K]; overwritten with gradientScale · 2(output − target), and 0 where the target is NaN.
package func squaredErrorWithGradient(
    _ outputs: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, gradientScale: Float,
    losses: UnsafeMutablePointer<Float>, rows R: Int, outputs K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (y, t) = (outputs + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            for (offsets, width) in vectors(K) {
                for k in offsets {
                    let error = countedError(y + k, t + k, width)
                    sum = sum.addingProduct(error, error)
                    store(error * (2 * gradientScale), y + k, width)
                }
            }
            losses[r] = sum.lanesSum
        }
    }
}

/// Returns output − target, and 0 where the target is NaN. Unused lanes are 0.
@inline(__always)
private func countedError(
    _ outputs: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, _ width: Int
) -> SIMD16<Float> {
    let target = load(targets, width)
    return (load(outputs, width) - target).replacing(with: 0, where: target .!= target)
}
