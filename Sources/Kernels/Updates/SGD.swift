import Numbers
import Tensors

/// The use of momentum in a step of gradient descent.
package enum MomentumForm: Sendable {
    /// Plain gradient descent, without momentum.
    case none
    /// Steps along the momentum.
    case heavyBall
    /// Steps along the gradient plus μ times the updated momentum.
    case nesterov
}

/// Performs an SGD update of `count` weights in one pass: b = μ·b + g, then w −= learning rate times g, b or g + μ·b.
///
/// - Parameters:
///   - weights: Master weights.
///   - momenta: The momentum b, updated; not used if `form` is `none`.
///   - gradients: The gradients, before `adjustment` is applied.
///   - momentum: μ.
/// - Complexity: O(count); allocates nothing.
/// - Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning",
///   with the learning rate outside the momentum, as in PyTorch.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func sgd<Element: Storage>(
    _ weights: UnsafeMutablePointer<Float>, momenta: UnsafeMutablePointer<Float>?, gradients: UnsafePointer<Element>,
    count: Int, learningRate: Double, momentum: Double, form: MomentumForm, _ adjustment: GradientAdjustment
) {
    let (rate, mu) = (Float(learningRate), Float(momentum))
    switch (form, momenta) {
    case (.heavyBall, let momenta?):
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let w = load(weights + i, width)
                let g = adjusted(load(gradients + i, width), w, adjustment)
                let b = g.addingProduct(load(momenta + i, width), SIMD16(repeating: mu))
                store(b, momenta + i, width)
                store(w - b * rate, weights + i, width)
            }
        }
    case (.nesterov, let momenta?):
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let w = load(weights + i, width)
                let g = adjusted(load(gradients + i, width), w, adjustment)
                let b = g.addingProduct(load(momenta + i, width), SIMD16(repeating: mu))
                store(b, momenta + i, width)
                store(w - g.addingProduct(b, SIMD16(repeating: mu)) * rate, weights + i, width)
            }
        }
    default:
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let w = load(weights + i, width)
                let g = adjusted(load(gradients + i, width), w, adjustment)
                store(w - g * rate, weights + i, width)
            }
        }
    }
}
