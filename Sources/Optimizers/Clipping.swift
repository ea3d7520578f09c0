/// Clipping by the global gradient norm.
///
/// - Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.
package enum Clipping {
    /// Returns the factor for all gradients that reduces their norm to at most `limit`; 1 if `limit` is 0 (no
    /// clipping).
    ///
    /// - Returns: NaN if the norm is NaN, so that it is not mistaken for a norm within the limit.
    package static func factor(norm: Double, limit: Double) -> Double {
        limit <= 0 || norm + 1e-6 <= limit ? 1 : limit / (norm + 1e-6)
    }
}
