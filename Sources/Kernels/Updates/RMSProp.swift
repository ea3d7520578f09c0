import Numbers
import Tensors

/// Performs an RMSProp update in one pass: v = α·v + (1 − α)·g², w −= learning rate · g / (√v + ε). The state v is the
/// moving average of squared gradients.
///
/// - Parameter alpha: α, the decay rate of the moving average.
/// - Returns: The checksums of what was overwritten.
/// - Source: Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6.5.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
@discardableResult
package func rmsProp<Element: Storage>(
    _ memory: UpdateMemory<Element>, learningRate: Double, alpha: Double, epsilon: Double,
    _ adjustment: GradientAdjustment
) -> UpdateChecksums {
    memory.update(
        RMSPropRule(
            rate: Float(learningRate), epsilon: Float(epsilon), kept: Float(alpha), added: Float(1 - alpha),
            adjustment: adjustment))
}

private struct RMSPropRule: UpdateRule {
    let rate: Float
    let epsilon: Float
    /// α and 1 − α.
    let kept: Float
    let added: Float
    let adjustment: GradientAdjustment

    @_transparent
    func update(_ w: inout SIMD16<Float>, _ v: inout SIMD16<Float>, _: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        v = (v * kept).addingProduct(g * g, SIMD16(repeating: added))
        w -= g / (v.squareRoot() + epsilon) * rate
    }
}
