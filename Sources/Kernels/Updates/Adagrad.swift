import Numbers
import Tensors

/// Performs an Adagrad update of `count` weights in one pass: s += g², w −= learning rate · g / (√s + ε).
///
/// - Parameters:
///   - weights: Master weights.
///   - squares: The accumulated squared gradients s, updated.
///   - gradients: The gradients, before `adjustment` is applied.
/// - Complexity: O(count); allocates nothing.
/// - Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic
///   optimization".
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func adagrad<Element: Storage>(
    _ weights: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Element>,
    count: Int, learningRate: Double, epsilon: Double, _ adjustment: GradientAdjustment
) {
    let (rate, epsilon) = (Float(learningRate), Float(epsilon))
    parallelElements(count) { range in
        forEachVector(in: range) { i, width in
            let w = load(weights + i, width)
            let g = adjusted(load(gradients + i, width), w, adjustment)
            let s = load(squares + i, width).addingProduct(g, g)
            store(s, squares + i, width)
            store(w - g / (s.squareRoot() + epsilon) * rate, weights + i, width)
        }
    }
}
