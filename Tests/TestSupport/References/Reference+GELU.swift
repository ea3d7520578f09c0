import Glibc
import Kernels

extension Reference {
    /// GELU of one number.
    package static func gelu(_ x: Double, _ form: GELUForm) -> Double {
        switch form {
        case .tanh: 0.5 * x * (1 + tanh(tanhArgument(x)))
        case .exact: x * normalCumulative(x)
        }
    }

    /// The derivative of GELU at one number.
    package static func geluDerivative(_ x: Double, _ form: GELUForm) -> Double {
        switch form {
        case .tanh:
            let t = tanh(tanhArgument(x))
            // Far out 1 − tanh² is 0 and x³ is not.
            if t * t == 1 { return 0.5 * (1 + t) }
            return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
        case .exact:
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            return normalCumulative(x) + (density == 0 ? 0 : x * density)
        }
    }

    private static func tanhArgument(_ x: Double) -> Double {
        (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
    }

    private static func normalCumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.squareRoot()) }
}
