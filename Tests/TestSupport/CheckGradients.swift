import Testing

/// Expects the analytic gradient to equal central finite differences of `function`, (f(x + h) − f(x − h)) / 2h.
///
/// In Float64 with h = 1e-5 and values near 1, truncation (h² f‴/6) and rounding (2⁻⁵³ f/h) errors are both near 1e-10,
/// so the tolerance is fully available for the tested code.
///
/// - Parameters:
///   - analytic: ∂f/∂x at `point`, one value per element.
///   - tolerance: Multiplied by the largest element of the gradient, at least 1, because an element is a sum of terms
///     that may be as large as its neighbours.
///   - function: A reference implementation in Float64.
/// - Complexity: 2 · point.count evaluations.
package func checkGradients<Actual: BinaryFloatingPoint>(
    _ analytic: [Actual], at point: [Double], tolerance: Double, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, of function: ([Double]) -> Double
) {
    let expected = finiteDifferences(of: function, at: point)
    let largest = max(1, expected.map(abs).max() ?? 0)
    expectClose(analytic, expected, absolute: tolerance * largest, what, sourceLocation: sourceLocation)
}

/// Returns the gradient of `function` by central finite differences.
package func finiteDifferences(of function: ([Double]) -> Double, at point: [Double]) -> [Double] {
    let step = 1e-5
    var moved = point
    return point.indices.map { index in
        moved[index] = point[index] + step
        let above = function(moved)
        moved[index] = point[index] - step
        let below = function(moved)
        moved[index] = point[index]
        return (above - below) / (2 * step)
    }
}
