import Numbers
import Tensors

/// Performs an Adagrad update in one pass: s += g², w −= learning rate · g / (√s + ε). The state s holds the accumulated
/// squared gradients.
///
/// - Returns: The checksums of what was overwritten.
/// - Source: Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and stochastic
///   optimization".
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
@discardableResult
package func adagrad<Element: Storage>(
    _ memory: UpdateMemory<Element>, learningRate: Double, epsilon: Double, _ adjustment: GradientAdjustment
) -> UpdateChecksums {
    memory.update(AdagradRule(rate: Float(learningRate), epsilon: Float(epsilon), adjustment: adjustment))
}

private struct AdagradRule: UpdateRule {
    let rate: Float
    let epsilon: Float
    let adjustment: GradientAdjustment

    @_transparent
    func update(_ w: inout SIMD16<Float>, _ s: inout SIMD16<Float>, _: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        s = s.addingProduct(g, g)
        w -= g / (s.squareRoot() + epsilon) * rate
    }
}
