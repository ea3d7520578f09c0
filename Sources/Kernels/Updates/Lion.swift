import Numbers
import Tensors

/// Performs a Lion update in one pass: w = w·(1 − learning rate · decay) − learning rate · sign(β₁·m + (1 − β₁)·g), then
/// m = β₂·m + (1 − β₂)·g. The state is m.
///
/// - Returns: The checksums of what was overwritten.
/// - Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
@discardableResult
package func lion<Element: Storage>(
    _ memory: UpdateMemory<Element>, learningRate: Double, betas: (Double, Double), weightDecay: Double,
    _ adjustment: GradientAdjustment
) -> UpdateChecksums {
    memory.update(
        LionRule(
            retention: Float(1 - learningRate * weightDecay), rate: Float(learningRate),
            kept: (Float(betas.0), Float(betas.1)), added: (Float(1 - betas.0), Float(1 - betas.1)),
            adjustment: adjustment))
}

private struct LionRule: UpdateRule {
    let retention: Float
    let rate: Float
    /// β₁ and β₂, and their complements.
    let kept: (Float, Float)
    let added: (Float, Float)
    let adjustment: GradientAdjustment

    @_transparent
    func update(_ w: inout SIMD16<Float>, _ m: inout SIMD16<Float>, _: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        let (zero, rate) = (SIMD16<Float>(repeating: 0), SIMD16(repeating: rate))
        let direction = (m * kept.0).addingProduct(g, SIMD16(repeating: added.0))
        var step = zero
        step.replace(with: rate, where: direction .> zero)
        step.replace(with: -rate, where: direction .< zero)
        m = (m * kept.1).addingProduct(g, SIMD16(repeating: added.1))
        w = w * retention - step
    }
}
