import Numbers
import Tensors

/// Performs an RMSProp update of `count` weights in one pass: v = α·v + (1 − α)·g², w −= learning rate · g / (√v + ε).
///
/// - Parameters:
///   - weights: Master weights.
///   - squares: The moving average v of squared gradients, updated.
///   - gradients: The gradients, before `adjustment` is applied.
///   - alpha: α, the decay rate of the moving average.
/// - Complexity: O(count); allocates nothing.
/// - Source: Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6.5.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func rmsProp<Element: Storage>(
    _ weights: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Element>,
    count: Int, learningRate: Double, alpha: Double, epsilon: Double, _ adjustment: GradientAdjustment
) {
    let (rate, epsilon) = (Float(learningRate), Float(epsilon))
    let (kept, added) = (Float(alpha), Float(1 - alpha))
    parallelElements(count) { range in
        forEachVector(in: range) { i, width in
            let w = load(weights + i, width)
            let g = adjusted(load(gradients + i, width), w, adjustment)
            let v = (load(squares + i, width) * kept).addingProduct(g * g, SIMD16(repeating: added))
            store(v, squares + i, width)
            store(w - g / (v.squareRoot() + epsilon) * rate, weights + i, width)
        }
    }
}
