import Numbers
import Tensors

/// Performs a Lion update of `count` weights in one pass: w = w·(1 − learning rate · decay) − learning rate · sign(β₁·m
/// + (1 − β₁)·g), then m = β₂·m + (1 − β₂)·g.
///
/// - Parameters:
///   - weights: Master weights.
///   - momenta: m, updated.
///   - gradients: The gradients, before `adjustment` is applied.
/// - Complexity: O(count); allocates nothing.
/// - Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func lion<Element: Storage>(
    _ weights: UnsafeMutablePointer<Float>, momenta: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Element>,
    count: Int, learningRate: Double, betas: (Double, Double), weightDecay: Double, _ adjustment: GradientAdjustment
) {
    let (retention, rate) = (Float(1 - learningRate * weightDecay), SIMD16(repeating: Float(learningRate)))
    let (kept, added) = ((Float(betas.0), Float(betas.1)), (Float(1 - betas.0), Float(1 - betas.1)))
    let zero = SIMD16<Float>(repeating: 0)
    parallelElements(count) { range in
        forEachVector(in: range) { i, width in
            let w = load(weights + i, width)
            let g = adjusted(load(gradients + i, width), w, adjustment)
            let m = load(momenta + i, width)
            let direction = (m * kept.0).addingProduct(g, SIMD16(repeating: added.0))
            var step = zero
            step.replace(with: rate, where: direction .> zero)
            step.replace(with: -rate, where: direction .< zero)
            store((m * kept.1).addingProduct(g, SIMD16(repeating: added.1)), momenta + i, width)
            store(w * retention - step, weights + i, width)
        }
    }
}
