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

/// Performs an SGD update in one pass: b = μ·b + g, then w −= learning rate times g, b or g + μ·b.
///
/// - Parameters:
///   - memory: The state is the momentum b, if there is one.
///   - momentum: μ.
/// - Returns: The checksums of what was overwritten.
/// - Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning",
///   with the learning rate outside the momentum, as in PyTorch.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
@discardableResult
package func sgd<Element: Storage>(
    _ memory: UpdateMemory<Element>, learningRate: Double, momentum: Double, form: MomentumForm,
    _ adjustment: GradientAdjustment
) -> UpdateChecksums {
    let (rate, mu) = (Float(learningRate), Float(momentum))
    return switch form {
    case .none: memory.update(PlainDescent(rate: rate, adjustment: adjustment))
    case .heavyBall, .nesterov:
        memory.update(
            MomentumDescent(rate: rate, mu: mu, looksAhead: form == .nesterov, adjustment: adjustment))
    }
}

private struct PlainDescent: UpdateRule {
    let rate: Float
    let adjustment: GradientAdjustment

    @_transparent
    func update(_ w: inout SIMD16<Float>, _: inout SIMD16<Float>, _: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        w -= g * rate
    }
}

private struct MomentumDescent: UpdateRule {
    let rate: Float
    let mu: Float
    /// Whether a step is along g + μ·b instead of b.
    let looksAhead: Bool
    let adjustment: GradientAdjustment

    @_transparent
    func update(_ w: inout SIMD16<Float>, _ b: inout SIMD16<Float>, _: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        b = g.addingProduct(b, SIMD16(repeating: mu))
        w -= (looksAhead ? g.addingProduct(b, SIMD16(repeating: mu)) : b) * rate
    }
}
