import Numbers

/// An activation function and its derivative, computed on vectors of sixteen elements.
protocol ActivationFunction {
    /// Returns f(x).
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float>
    /// Returns f′(x).
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float>
}

/// max(x, 0), whose derivative at 0 is 0.
enum ReLU: ActivationFunction {
    @_transparent
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float> { x.replacing(with: 0, where: x .<= 0) }

    @_transparent
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float> {
        SIMD16<Float>(repeating: 1).replacing(with: 0, where: x .<= 0)
    }
}

/// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
enum TanhGELU: ActivationFunction {
    @_transparent
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float> { x * gate(x) }

    @_transparent
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let gate = gate(x)
        // d/dx x·s(2u) = s + x·s(1 − s)·2u′, with s the logistic function and u′ = √(2/π)(1 + 3·0.044715x²).
        let slope = SIMD16<Float>(repeating: 2 * rootTwoOverPi)
            .addingProduct(x * x, SIMD16(repeating: 6 * rootTwoOverPi * cubic))
        var derivative = gate.addingProduct(x * slope, gate * (1 - gate))
        // For large |x|, x·slope overflows while the gate is 0 or 1.
        derivative.replace(with: gate, where: x * x .> 1e4)
        return derivative
    }

    private static let rootTwoOverPi: Float = 0.797_884_56
    private static let cubic: Float = 0.044_715

    /// ½(1 + tanh u) = 1 / (1 + e^(−2u)) with u = √(2/π)(x + 0.044715x³).
    @_transparent
    private static func gate(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let inner = SIMD16<Float>(repeating: -2 * rootTwoOverPi)
            .addingProduct(x * x, SIMD16(repeating: -2 * rootTwoOverPi * cubic))
        return 1 / (1 + exponential(x * inner))
    }
}

/// ½x(1 + erf(x/√2)).
enum ExactGELU: ActivationFunction {
    @_transparent
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float> { x * normalDistribution(x).cumulative }

    @_transparent
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let normal = normalDistribution(x)
        return normal.cumulative.addingProduct(x, normal.density)
    }

    /// Returns Φ(x) within 3e-7 and φ(x) of the standard normal distribution.
    ///
    /// - Source: Abramowitz & Stegun 1964, 7.1.26, for erf.
    @_transparent
    private static func normalDistribution(
        _ x: SIMD16<Float>
    ) -> (cumulative: SIMD16<Float>, density: SIMD16<Float>) {
        let bell = exponential(x * x * -0.5)
        let negative = x .< 0
        let z = x.replacing(with: -x, where: negative) * 0.707_106_78
        let t = 1 / SIMD16<Float>(repeating: 1).addingProduct(z, SIMD16(repeating: 0.327_591_1))
        var polynomial = SIMD16<Float>(repeating: 1.061_405_429)
        polynomial = SIMD16(repeating: -1.453_152_027).addingProduct(polynomial, t)
        polynomial = SIMD16(repeating: 1.421_413_741).addingProduct(polynomial, t)
        polynomial = SIMD16(repeating: -0.284_496_736).addingProduct(polynomial, t)
        polynomial = SIMD16(repeating: 0.254_829_592).addingProduct(polynomial, t)
        let upper = polynomial * t * bell * 0.5
        return ((1 - upper).replacing(with: upper, where: negative), bell * 0.398_942_28)
    }
}

/// x·s(x), with s the logistic function.
enum SiLU: ActivationFunction {
    @_transparent
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float> { x * logistic(x) }

    @_transparent
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let gate = logistic(x)
        return gate.addingProduct(x * gate, 1 - gate)
    }
}

/// tanh x.
enum HyperbolicTangent: ActivationFunction {
    /// - Source: the polynomial of Cephes' tanhf (Moshier) near 0, where 1 − 2/(e^2x + 1) loses precision.
    @_transparent
    static func value(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let square = x * x
        var polynomial = SIMD16<Float>(repeating: -5.704_988_727e-3)
        polynomial = SIMD16(repeating: 2.063_908_88e-2).addingProduct(polynomial, square)
        polynomial = SIMD16(repeating: -5.373_971_56e-2).addingProduct(polynomial, square)
        polynomial = SIMD16(repeating: 1.333_144_22e-1).addingProduct(polynomial, square)
        polynomial = SIMD16(repeating: -3.333_328_19e-1).addingProduct(polynomial, square)
        let near = x.addingProduct(x * square, polynomial)
        let far = SIMD16<Float>(repeating: 1) - 2 / (1 + exponential(x + x))
        return far.replacing(with: near, where: square .< 0.390_625)
    }

    @_transparent
    static func derivative(_ x: SIMD16<Float>) -> SIMD16<Float> {
        let value = value(x)
        return 1 - value * value
    }
}

/// 1 / (1 + e⁻ˣ) in every lane.
@_transparent
func logistic(_ x: SIMD16<Float>) -> SIMD16<Float> { 1 / (1 + exponential(-x)) }
