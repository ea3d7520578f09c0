import Optimizers
import TestSupport
import Testing

@Suite struct ClippingTests {
    static let factors: [(norm: Double, limit: Double, expected: Double)] = [
        (0, 1, 1), (0.5, 1, 1), (1, 1, 1 / (1 + 1e-6)), (4, 1, 0.25), (4, 2, 0.5), (4, 0, 1), (1e30, 1, 1e-30),
    ]

    @Test(arguments: factors)
    func factorLimitsTheNorm(norm: Double, limit: Double, expected: Double) {
        expectClose(Clipping.factor(norm: norm, limit: limit), expected, relative: 1e-6)
    }

    /// A NaN norm must not be mistaken for a norm within the limit.
    @Test func handlesNonFiniteNorms() {
        #expect(Clipping.factor(norm: .infinity, limit: 1) == 0)
        #expect(Clipping.factor(norm: .nan, limit: 1).isNaN)
    }
}
