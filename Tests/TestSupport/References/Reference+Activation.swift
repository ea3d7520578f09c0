import Glibc
import Kernels

extension Reference {
    /// Returns the activation of one value.
    package static func activation(_ x: Double, _ form: ActivationForm) -> Double {
        switch form {
        case .relu: x <= 0 ? 0 : x
        case .geluTanh: 0.5 * x * (1 + tanh(tanhArgument(x)))
        case .geluExact: x * normalCumulative(x)
        case .silu: x * logistic(x)
        case .tanh: tanh(x)
        }
    }

    /// Returns the derivative of an activation at one value.
    package static func activationDerivative(_ x: Double, _ form: ActivationForm) -> Double {
        switch form {
        case .relu: return x <= 0 ? 0 : 1
        case .geluTanh:
            let t = tanh(tanhArgument(x))
            // For large |x|, 1 − tanh² is 0 while x³ may overflow.
            if t * t == 1 { return 0.5 * (1 + t) }
            return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
        case .geluExact:
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            return normalCumulative(x) + (density == 0 ? 0 : x * density)
        case .silu: return logistic(x) * (1 + x * logistic(-x))
        case .tanh: return 1 - tanh(x) * tanh(x)
        }
    }

    /// Returns f(gate) · up for input [R, 2F], whose rows have the gate first.
    package static func gatedActivation(_ input: [Double], width: Int, _ form: ActivationForm) -> [Double] {
        (0..<input.count / 2).map { index in
            let gate = index / width * 2 * width + index % width
            return activation(input[gate], form) * input[gate + width]
        }
    }

    /// Returns the gradient of the input of `gatedActivation`.
    package static func gatedActivationBackward(
        _ input: [Double], outputGradient: [Double], width: Int, _ form: ActivationForm
    ) -> [Double] {
        var gradient = [Double](repeating: 0, count: input.count)
        for (index, value) in outputGradient.enumerated() {
            let gate = index / width * 2 * width + index % width
            gradient[gate] = value * activationDerivative(input[gate], form) * input[gate + width]
            gradient[gate + width] = value * activation(input[gate], form)
        }
        return gradient
    }

    /// Returns 1 / (1 + e⁻ˣ).
    package static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    private static func tanhArgument(_ x: Double) -> Double {
        (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
    }

    private static func normalCumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.squareRoot()) }
}
