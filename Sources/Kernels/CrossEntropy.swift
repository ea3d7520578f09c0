import Glibc

// R rows, V vocabulary.

/// The target of a position that does not count.
package let ignoredTarget: Int32 = -1

/// The cross-entropy of each row against its target: log Σ e^logits − logits[target], and 0 for an ignored one.
///
/// - Parameters:
///   - logits: [R, V].
///   - targets: [R], each in 0 ..< V or `ignoredTarget`.
///   - losses: [R].
package func crossEntropy(
    _ logits: UnsafePointer<Float>, targets: UnsafePointer<Int32>, into losses: UnsafeMutablePointer<Float>,
    rows R: Int, vocabulary V: Int
) {
    parallelRows(R, columns: V) { rows in
        for r in rows {
            let x = logits + r * V
            if targets[r] == ignoredTarget {
                losses[r] = 0
            } else {
                let (maximum, sum) = softmaxTerms(x, V)
                losses[r] = log(sum) + maximum - x[Int(targets[r])]
            }
        }
    }
}

/// The same, and the gradient of `gradientScale` · Σ losses in the place of the logits.
///
/// - Parameter logits: [R, V]; afterwards gradientScale · (softmax − one-hot target), and 0 in ignored rows.
package func crossEntropyWithGradient(
    _ logits: UnsafeMutablePointer<Float>, targets: UnsafePointer<Int32>, gradientScale: Float,
    losses: UnsafeMutablePointer<Float>, rows R: Int, vocabulary V: Int
) {
    parallelRows(R, columns: V) { rows in
        for r in rows {
            let x = logits + r * V
            if targets[r] == ignoredTarget {
                losses[r] = 0
                x.update(repeating: 0, count: V)
                continue
            }
            let target = Int(targets[r])
            let (maximum, sum) = softmaxTerms(x, V)
            losses[r] = log(sum) + maximum - x[target]
            let factor = gradientScale / sum
            forEachVector(V) { v, width in store(exponential(load(x + v, width) - maximum) * factor, x + v, width) }
            x[target] -= gradientScale
        }
    }
}

/// The largest logit, and the sum of e^(logit − largest).
@inline(__always)
private func softmaxTerms(_ x: UnsafePointer<Float>, _ count: Int) -> (maximum: Float, sum: Float) {
    var highest = SIMD16<Float>(repeating: -.infinity)
    var invalid = SIMD16<Float>()
    forEachVector(count) { v, width in
        let values = load(x + v, width, filler: -.infinity)
        highest.replace(with: values, where: values .> highest)
        // A comparison loses a NaN: it must reach the loss.
        invalid.replace(with: values, where: values .!= values)
    }
    let maximum = highest.lanesMaximum + invalid.lanesSum
    var sum = SIMD16<Float>()
    forEachVector(count) { v, width in sum += exponential(load(x + v, width, filler: -.infinity) - maximum) }
    return (maximum, sum.lanesSum)
}
