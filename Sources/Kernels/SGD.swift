/// How a step of gradient descent uses the running sum of gradients.
package enum MomentumForm: Sendable {
    /// There is none: along the gradient.
    case none
    /// Along the sum.
    case heavyBall
    /// Along the gradient, and the sum that has it already.
    case nesterov
}

/// Updates `count` weights and their momenta in one pass: b = μ·b + g, and w loses learning rate times g, b or g + μ·b.
///
/// - Parameters:
///   - weights: Master weights.
///   - momenta: b; not touched where `form` is `none`.
///   - gradients: Of the same elements, not yet adjusted.
///   - momentum: μ.
/// - Complexity: O(count); allocates nothing.
/// - Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning",
///   with the learning rate outside the sum, as in PyTorch.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
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
