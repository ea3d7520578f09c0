import Glibc

/// The points and weights of Gauss–Legendre quadrature on the interval from 0 to 1: the integral of a smooth function
/// is nearly the weighted sum of its values.
///
/// - Parameter count: The number of points, at least 1; polynomials of degree 2 · `count` − 1 are integrated exactly.
/// - Source: Press et al. 2007, "Numerical recipes", section 4.6.1: Newton's method on the Legendre polynomials.
func gaussLegendre(_ count: Int) -> [(point: Double, weight: Double)] {
    (0..<count).map { index in
        var x = cos(.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
        var slope = 1.0
        for _ in 0..<100 {
            var (value, before) = (1.0, 0.0)
            for degree in 0..<count {
                (value, before) = (
                    (Double(2 * degree + 1) * x * value - Double(degree) * before) / Double(degree + 1), value
                )
            }
            slope = Double(count) * (x * value - before) / (x * x - 1)
            let step = value / slope
            x -= step
            if abs(step) < 1e-15 { break }
        }
        return (point: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope))
    }
}
