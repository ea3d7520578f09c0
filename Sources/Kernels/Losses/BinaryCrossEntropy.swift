import Numbers
import Tensors

// R rows, K labels.

/// Computes the binary cross-entropy of each row: Σ over labels of −t·log σ(x) − (1 − t)·log(1 − σ(x)).
///
/// - Parameters:
///   - logits: [R, K].
///   - targets: [R, K], each a probability in 0 ... 1 or `ignoredTarget`, which contributes 0.
///   - losses: [R].
package func binaryCrossEntropy(
    _ logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, into losses: UnsafeMutablePointer<Float>,
    rows R: Int, labels K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (x, t) = (logits + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            for (offsets, width) in vectors(K) { for k in offsets { sum += binaryTerms(x + k, t + k, width).losses } }
            losses[r] = sum.lanesSum
        }
    }
}

/// Computes the losses of `binaryCrossEntropy`, and replaces the logits by the gradient of `gradientScale` · Σ losses.
///
/// - Parameter logits: [R, K]; overwritten with gradientScale · (σ(logit) − target), and 0 where the target is ignored.
package func binaryCrossEntropyWithGradient(
    _ logits: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, gradientScale: Float,
    losses: UnsafeMutablePointer<Float>, rows R: Int, labels K: Int
) {
    parallelRows(R, columns: K) { rows in
        for r in rows {
            let (x, t) = (logits + r * K, targets + r * K)
            var sum = SIMD16<Float>()
            for (offsets, width) in vectors(K) {
                for k in offsets {
                    let terms = binaryTerms(x + k, t + k, width)
                    sum += terms.losses
                    store(terms.gradients * gradientScale, x + k, width)
                }
            }
            losses[r] = sum.lanesSum
        }
    }
}

/// Computes the loss of each of `count` labels, and replaces the logits by the gradients of `gradientScale` times the
/// losses.
@inline(__always)
func binaryCrossEntropyWithGradient(
    _ logits: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, gradientScale: Float,
    into losses: UnsafeMutablePointer<Float>, count: Int
) {
    for (offsets, width) in vectors(count) {
        for k in offsets {
            let terms = binaryTerms(logits + k, targets + k, width)
            store(terms.losses, losses + k, width)
            store(terms.gradients * gradientScale, logits + k, width)
        }
    }
}

/// Returns the losses of `width` labels and their derivatives, both 0 for ignored targets and in unused lanes.
@_transparent
private func binaryTerms(
    _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, _ width: Int
) -> (losses: SIMD16<Float>, gradients: SIMD16<Float>) {
    let (x, t) = (load(logits, width), load(targets, width, filler: Float(ignoredTarget)))
    let isNegative = x .< 0
    let magnitude = x.replacing(with: -x, where: isNegative)
    // max(x, 0) − x·t + log(1 + e^−|x|) does not overflow and stays accurate for large |x|.
    let small = exponential(-magnitude)
    let positive = x.replacing(with: 0, where: isNegative)
    var losses = positive - x * t + logarithmOfOnePlus(small)
    let reciprocal = 1 / (1 + small)
    let probability = reciprocal.replacing(with: small * reciprocal, where: isNegative)
    var gradients = probability - t
    let isIgnored = t .== Float(ignoredTarget)
    losses.replace(with: 0, where: isIgnored)
    gradients.replace(with: 0, where: isIgnored)
    return (losses, gradients)
}

/// Returns log(1 + x) for x in 0 ... 1, within 4 units in the last place: the series of 2·artanh(x / (2 + x)).
@_transparent
private func logarithmOfOnePlus(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let s = x / (2 + x)
    let square = s * s
    var sum = SIMD16<Float>(repeating: 1.0 / 13)
    sum = SIMD16(repeating: 1.0 / 11).addingProduct(sum, square)
    sum = SIMD16(repeating: 1.0 / 9).addingProduct(sum, square)
    sum = SIMD16(repeating: 1.0 / 7).addingProduct(sum, square)
    sum = SIMD16(repeating: 1.0 / 5).addingProduct(sum, square)
    sum = SIMD16(repeating: 1.0 / 3).addingProduct(sum, square)
    return 2 * s.addingProduct(s * square, sum)
}
