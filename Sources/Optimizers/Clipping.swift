/// Clipping by the norm of the whole gradient.
///
/// - Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063.
package enum Clipping {
    /// What every gradient is multiplied with so that their norm is at most `limit`; 0 clips nothing.
    ///
    /// - Returns: NaN for a norm that is NaN: it never passes for one that needs no clipping.
    package static func factor(norm: Double, limit: Double) -> Double {
        limit <= 0 || norm + 1e-6 <= limit ? 1 : limit / (norm + 1e-6)
    }
}
