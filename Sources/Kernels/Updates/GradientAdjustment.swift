import Numbers

/// The preprocessing of gradients in an optimizer's update: scaling, clipping by value, and L1 and L2 penalties.
package struct GradientAdjustment: Sendable {
    /// The factor applied first; it combines clipping by norm and loss unscaling.
    package var scale: Float
    /// The maximum magnitude after scaling; +∞: no clipping by value.
    package var limit: Float
    /// λ₁ and λ₂ of the penalties λ₁·Σ|w| + λ₂/2·Σw². Their gradient λ₁·sign(w) + λ₂·w is added last.
    let l1: Float
    let l2: Float
    /// Whether λ₁ or λ₂ is not 0.
    let isPenalized: Bool

    /// Scales a gradient by `scale`, clamps it to ±`limit` and adds the gradient of the penalties.
    package init(scale: Float = 1, limit: Float = .infinity, l1: Double = 0, l2: Double = 0) {
        self.scale = scale
        self.limit = limit
        (self.l1, self.l2) = (Float(l1), Float(l2))
        isPenalized = l1 != 0 || l2 != 0
    }
}

/// Returns the gradients `g` of the weights `w` after `adjustment`; NaNs are preserved.
///
/// Whether there are penalties is loop-invariant, so the compiler produces one loop for each case.
@_transparent
func adjusted(_ g: SIMD16<Float>, _ w: SIMD16<Float>, _ adjustment: GradientAdjustment) -> SIMD16<Float> {
    let limit = SIMD16<Float>(repeating: adjustment.limit)
    var g = g * adjustment.scale
    g.replace(with: limit, where: g .> limit)
    g.replace(with: -limit, where: g .< -limit)
    if adjustment.isPenalized {
        let (zero, slope) = (SIMD16<Float>(repeating: 0), SIMD16<Float>(repeating: adjustment.l1))
        var sign = zero
        sign.replace(with: slope, where: w .> zero)
        sign.replace(with: -slope, where: w .< zero)
        g = (g + sign).addingProduct(w, SIMD16(repeating: adjustment.l2))
    }
    return g
}
