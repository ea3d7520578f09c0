import Glibc
import Numbers
import Tensors

// R rows, V vocabulary size, K classes.

/// Computes the cross-entropy of each row: log Σ e^logits − logits[target] without label smoothing; 0 for ignored
/// targets.
///
/// - Parameters:
///   - logits: [R, V].
///   - targets: [R], each in 0 ..< V or `ignoredTarget`.
///   - labelSmoothing: ε, the probability mass that is spread evenly over all classes.
///   - among: K, the number of classes; columns K ..< V get no part of ε. nil: V.
///   - losses: [R].
/// - Source: Szegedy et al. 2016, arXiv:1512.00567, section 7, for label smoothing.
package func crossEntropy(
    _ logits: UnsafePointer<Float>, targets: UnsafePointer<Int32>, labelSmoothing: Float = 0,
    among classes: Int? = nil, into losses: UnsafeMutablePointer<Float>, rows R: Int, vocabulary V: Int
) {
    let K = classes ?? V
    parallelRows(R, columns: V) { rows in
        for r in rows {
            let x = logits + r * V
            if targets[r] == ignoredTarget {
                losses[r] = 0
            } else {
                let (maximum, sum) = softmaxTerms(x, V)
                losses[r] = log(sum) + maximum - expectedLogit(x, index(targets[r], below: V), labelSmoothing, K)
            }
        }
    }
}

/// Computes the losses of `crossEntropy`, and replaces the logits by the gradient of `gradientScale` · Σ losses.
///
/// - Parameter logits: [R, V]; overwritten with gradientScale · (softmax − target distribution), and 0 in rows with an
///   ignored target.
package func crossEntropyWithGradient(
    _ logits: UnsafeMutablePointer<Float>, targets: UnsafePointer<Int32>, labelSmoothing: Float = 0,
    among classes: Int? = nil, gradientScale: Float, losses: UnsafeMutablePointer<Float>, rows R: Int,
    vocabulary V: Int
) {
    let K = classes ?? V
    parallelRows(R, columns: V) { rows in
        for r in rows {
            let x = logits + r * V
            if targets[r] == ignoredTarget {
                losses[r] = 0
                x.update(repeating: 0, count: V)
                continue
            }
            let target = index(targets[r], below: V)
            let (maximum, sum) = softmaxTerms(x, V)
            losses[r] = log(sum) + maximum - expectedLogit(x, target, labelSmoothing, K)
            let factor = gradientScale / sum
            for (offsets, width) in vectors(V) {
                for v in offsets { store(exponential(load(x + v, width) - maximum) * factor, x + v, width) }
            }
            if labelSmoothing > 0 {
                let share = gradientScale * labelSmoothing / Float(K)
                for (offsets, width) in vectors(K) {
                    for v in offsets { store(load(x + v, width) - share, x + v, width) }
                }
            }
            x[target] -= gradientScale * (1 - labelSmoothing)
        }
    }
}

/// Computes the class with the largest logit in each row, the first of equal ones; NaNs are skipped.
///
/// - Parameters:
///   - logits: [R, V].
///   - classes: [R].
///   - among: K, the number of classes; columns K ..< V are never predicted. nil: V.
package func predictedClass(
    _ logits: UnsafePointer<Float>, into classes: UnsafeMutablePointer<Int32>, rows R: Int, vocabulary V: Int,
    among known: Int? = nil
) {
    let K = known ?? V
    parallelRows(R, columns: V) { rows in
        for r in rows {
            let x = logits + r * V
            var highest = SIMD16<Float>(repeating: -.infinity)
            // For each lane, the offset of the vector in which its maximum was found first.
            var places = SIMD16<Int32>(repeating: 0)
            for (offsets, width) in vectors(K) {
                for v in offsets {
                    let values = load(x + v, width, filler: -.infinity)
                    let isHigher = values .> highest
                    highest.replace(with: values, where: isHigher)
                    places.replace(with: SIMD16(repeating: Int32(v)), where: isHigher)
                }
            }
            var (best, value) = (Int32(0), -Float.infinity)
            for lane in 0..<lanes {
                let place = places[lane] + Int32(lane)
                if highest[lane] > value || (highest[lane] == value && place < best) {
                    (best, value) = (place, highest[lane])
                }
            }
            classes[r] = best
        }
    }
}

/// Returns Σ over classes of target probability · logit.
@inline(__always)
private func expectedLogit(
    _ x: UnsafePointer<Float>, _ target: Int, _ labelSmoothing: Float, _ count: Int
) -> Float {
    if labelSmoothing == 0 { return x[target] }
    var sum = SIMD16<Float>()
    for (offsets, width) in vectors(count) { for v in offsets { sum += load(x + v, width) } }
    return (1 - labelSmoothing) * x[target] + labelSmoothing * (sum.lanesSum / Float(count))
}
