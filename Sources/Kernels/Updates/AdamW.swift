import Numbers
import Tensors

/// The coefficients of one AdamW update.
package struct AdamWStep: Sendable {
    /// β₁ and β₂, the decay rates of the two moments.
    package var betas: (Float, Float)
    /// ε, added to √v̂, the square root of the bias-corrected second moment.
    package var epsilon: Float
    /// 1 − learning rate · weight decay: the factor applied to each weight first.
    package var retention: Float
    /// Learning rate / (1 − β₁ᵗ).
    package var stepSize: Float
    /// 1 / √(1 − β₂ᵗ).
    package var secondMomentScale: Float
    /// Scaling, clipping and penalties, applied to each gradient first.
    package var adjustment: GradientAdjustment

    /// The coefficients of update number `step`, counted from 1.
    package init(
        step: Int, learningRate: Double, betas: (Double, Double), epsilon: Double, weightDecay: Double,
        gradientScale: Float, gradientLimit: Float, l1: Double = 0, l2: Double = 0
    ) {
        self.betas = (Float(betas.0), Float(betas.1))
        self.epsilon = Float(epsilon)
        retention = Float(1 - learningRate * weightDecay)
        stepSize = Float(learningRate / (1 - power(betas.0, step)))
        secondMomentScale = Float(1 / (1 - power(betas.1, step)).squareRoot())
        adjustment = GradientAdjustment(scale: gradientScale, limit: gradientLimit, l1: l1, l2: l2)
    }
}

/// Returns `base` to a non-negative integer power by repeated squaring, bit-identical on every system.
package func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}

/// Performs an AdamW update in one pass; the states are m and v.
///
/// - Returns: The checksums of what was overwritten.
/// - Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with the weight decay scaled by the learning
///   rate.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
@discardableResult
package func adamW<Element: Storage>(_ memory: UpdateMemory<Element>, _ step: AdamWStep) -> UpdateChecksums {
    memory.update(step)
}

extension AdamWStep: UpdateRule {
    @_transparent
    func update(_ w: inout SIMD16<Float>, _ m: inout SIMD16<Float>, _ v: inout SIMD16<Float>, _ g: SIMD16<Float>) {
        m = (m * betas.0).addingProduct(g, SIMD16(repeating: 1 - betas.0))
        v = (v * betas.1).addingProduct(g * g, SIMD16(repeating: 1 - betas.1))
        let denominator = SIMD16<Float>(repeating: epsilon)
            .addingProduct(v.squareRoot(), SIMD16(repeating: secondMomentScale))
        w = w * retention - m / denominator * stepSize
    }
}
