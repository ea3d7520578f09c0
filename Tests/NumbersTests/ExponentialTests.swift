import Glibc
import Testing

@testable import Numbers

@Suite struct ExponentialTests {
    /// Tests 2²⁰ values between the bounds of normal and of finite results.
    @Test func isWithinTwoUnitsInTheLastPlace() {
        var (worst, place) = (0.0, Float(0))
        let count = 1 << 20
        for start in stride(from: 0, to: count, by: 16) {
            var x = SIMD16<Float>()
            for lane in 0..<16 { x[lane] = -87 + 175.37 * Float(start + lane) / Float(count) }
            let y = exponential(x)
            for lane in 0..<16 {
                let exact = exp(Double(x[lane]))
                let error = abs(Double(y[lane]) - exact) / Double(Float(exact).ulp)
                if error > worst { (worst, place) = (error, x[lane]) }
            }
        }
        #expect(worst <= 2, "at \(place)")
    }

    @Test func handlesExtremes() {
        var x = SIMD16<Float>()
        let values: [(Float, Float)] = [
            (0, 1), (-0.0, 1), (1e-37, 1), (.leastNonzeroMagnitude, 1), (-.leastNonzeroMagnitude, 1), (-87.1, 0),
            (-1e30, 0), (-.infinity, 0), (88.4, .infinity), (1e30, .infinity), (.infinity, .infinity),
        ]
        for (lane, value) in values.enumerated() { x[lane] = value.0 }
        x[15] = .nan
        let y = exponential(x)
        for (lane, value) in values.enumerated() { #expect(y[lane] == value.1, "e^\(value.0)") }
        #expect(y[15].isNaN)
    }
}
