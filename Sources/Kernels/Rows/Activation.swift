import Numbers
import Tensors

/// The elementwise activation functions of layers.
package enum ActivationForm: CaseIterable, Sendable {
    /// max(x, 0): Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines".
    case relu
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), GPT-2's GELU: Hendrycks & Gimpel 2016, arXiv:1606.08415.
    case geluTanh
    /// ½x(1 + erf(x/√2)), BERT's GELU: Hendrycks & Gimpel 2016, arXiv:1606.08415.
    case geluExact
    /// x / (1 + e⁻ˣ), also called swish: Elfwing, Uchibe & Doya 2017, arXiv:1702.03118.
    case silu
    /// The hyperbolic tangent, used by BERT's pooler.
    case tanh
}

/// Computes output = f(input) elementwise; the two buffers may be the same.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func activate<Element: Storage>(
    _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>, count: Int, form: ActivationForm
) {
    form.perform(Activation(input: input, output: output, count: count))
}

/// Computes inputGradient = outputGradient · f′(input) elementwise; the two gradients may be the same buffer.
@_specialize(where Element == Float, Gradient == Float)
@_specialize(where Element == Float16, Gradient == Float)
@_specialize(where Element == BFloat16, Gradient == Float)
@_specialize(where Element == BFloat16, Gradient == BFloat16)
package func activationBackward<Element: Storage, Gradient: Storage>(
    _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
    into inputGradient: UnsafeMutablePointer<Gradient>, count: Int, form: ActivationForm
) {
    form.perform(
        ActivationGradient(input: input, outputGradient: outputGradient, inputGradient: inputGradient, count: count))
}

/// A loop over elements, compiled separately for each activation function.
protocol ActivationPass {
    func run<Function: ActivationFunction>(_: Function.Type)
}

private struct Activation<Element: Storage>: ActivationPass {
    let input: UnsafePointer<Element>
    let output: UnsafeMutablePointer<Element>
    let count: Int

    @inline(__always)
    func run<Function: ActivationFunction>(_: Function.Type) {
        parallelElements(count) { range in
            for (offsets, width) in vectors(in: range) {
                for i in offsets {
                    store(Function.value(load(input + i, width)), output + i, width)
                }
            }
        }
    }
}

private struct ActivationGradient<Element: Storage, Gradient: Storage>: ActivationPass {
    let input: UnsafePointer<Element>
    let outputGradient: UnsafePointer<Float>
    let inputGradient: UnsafeMutablePointer<Gradient>
    let count: Int

    @inline(__always)
    func run<Function: ActivationFunction>(_: Function.Type) {
        parallelElements(count) { range in
            for (offsets, width) in vectors(in: range) {
                for i in offsets {
                    let derivative = Function.derivative(load(input + i, width))
                    store(load(outputGradient + i, width) * derivative, inputGradient + i, width)
                }
            }
        }
    }
}

extension ActivationForm {
    /// Runs `pass` with the function of this form.
    @inline(__always)
    func perform(_ pass: some ActivationPass) {
        switch self {
        case .relu: pass.run(ReLU.self)
        case .geluTanh: pass.run(TanhGELU.self)
        case .geluExact: pass.run(ExactGELU.self)
        case .silu: pass.run(SiLU.self)
        case .tanh: pass.run(HyperbolicTangent.self)
        }
    }
}
