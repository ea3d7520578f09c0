/// The two forms of the Gaussian error linear unit.
///
/// - Source: Hendrycks & Gimpel 2016, arXiv:1606.08415.
package enum GELUForm: Sendable {
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), GPT-2's.
    case tanh
    /// ½x(1 + erf(x/√2)), BERT's.
    case exact
}

/// output = GELU(input), element by element; they may be the same.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func gelu<Element: Storage>(
    _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>, count: Int, form: GELUForm
) {
    switch form {
    case .tanh:
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let x = load(input + i, width)
                store(x * tanhGate(x), output + i, width)
            }
        }
    case .exact:
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let x = load(input + i, width)
                store(x * normalDistribution(x).cumulative, output + i, width)
            }
        }
    }
}

/// gradient *= GELU′(input), element by element.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
package func geluBackward<Element: Storage>(
    _ input: UnsafePointer<Element>, _ gradient: UnsafeMutablePointer<Float>, count: Int, form: GELUForm
) {
    switch form {
    case .tanh:
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let x = load(input + i, width)
                let gate = tanhGate(x)
                // d/dx x·s(2u) = s + x·s(1 − s)·2u′, with s the logistic function and u′ = √(2/π)(1 + 3·0.044715x²).
                let slope = SIMD16<Float>(repeating: 2 * rootTwoOverPi)
                    .addingProduct(x * x, SIMD16(repeating: 6 * rootTwoOverPi * cubic))
                var derivative = gate.addingProduct(x * slope, gate * (1 - gate))
                // Far out x·slope overflows against a gate of 0 or 1.
                derivative.replace(with: gate, where: x * x .> 1e4)
                store(load(gradient + i, width) * derivative, gradient + i, width)
            }
        }
    case .exact:
        parallelElements(count) { range in
            forEachVector(in: range) { i, width in
                let x = load(input + i, width)
                let normal = normalDistribution(x)
                store(
                    load(gradient + i, width) * normal.cumulative.addingProduct(x, normal.density), gradient + i, width)
            }
        }
    }
}

private let rootTwoOverPi: Float = 0.797_884_56
private let cubic: Float = 0.044_715

/// ½(1 + tanh u) = 1 / (1 + e^(−2u)) with u = √(2/π)(x + 0.044715x³).
@inline(__always)
private func tanhGate(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let inner = SIMD16<Float>(repeating: -2 * rootTwoOverPi)
        .addingProduct(x * x, SIMD16(repeating: -2 * rootTwoOverPi * cubic))
    return 1 / (1 + exponential(x * inner))
}

/// The standard normal distribution: Φ(x) within 3e-7, and φ(x).
///
/// - Source: Abramowitz & Stegun 1964, 7.1.26, for erf.
@inline(__always)
private func normalDistribution(_ x: SIMD16<Float>) -> (cumulative: SIMD16<Float>, density: SIMD16<Float>) {
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
