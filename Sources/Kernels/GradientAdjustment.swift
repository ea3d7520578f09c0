/// What is done to each gradient before an optimizer uses it.
package struct GradientAdjustment: Sendable {
    /// What it is multiplied with first: clipping by norm and unscaling in one.
    package var scale: Float
    /// Its largest magnitude after that, +∞ where values are not clipped.
    package var limit: Float
    /// λ₁ and λ₂ of the penalties λ₁·Σ|w| + λ₂/2·Σw²: last, λ₁·sign(w) + λ₂·w are added to it.
    let l1: Float
    let l2: Float
    /// Whether one of them is not 0.
    let isPenalized: Bool

    /// A gradient times `scale`, within ±`limit`, plus that of the penalties.
    package init(scale: Float = 1, limit: Float = .infinity, l1: Double = 0, l2: Double = 0) {
        self.scale = scale
        self.limit = limit
        (self.l1, self.l2) = (Float(l1), Float(l2))
        isPenalized = l1 != 0 || l2 != 0
    }
}

/// What `adjustment` makes of the gradients `g` of the weights `w`; what is not a number stays so.
///
/// Whether there are penalties is the same for all vectors: their loop is compiled twice.
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
