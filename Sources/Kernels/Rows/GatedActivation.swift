import Numbers
import Tensors

// R rows, F feed-forward size.

/// Computes output = f(gate) · up, a gated linear unit: SwiGLU if f is SiLU, GEGLU if it is GELU.
///
/// - Parameters:
///   - input: [R, 2F]; `gate` in the first half of each row, `up` in the second.
///   - output: [R, F].
///   - form: f.
/// - Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func gatedActivation<Element: Storage>(
    _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>, rows R: Int, width F: Int,
    form: ActivationForm
) {
    form.perform(GatedActivation(input: input, output: output, rows: R, width: F))
}

/// Computes the backward pass of `gatedActivation`.
///
/// - Parameters:
///   - input: [R, 2F], the input of the forward pass.
///   - outputGradient: [R, F].
///   - inputGradient: [R, 2F], overwritten.
@_specialize(where Element == Float, Gradient == Float)
@_specialize(where Element == Float16, Gradient == Float)
@_specialize(where Element == BFloat16, Gradient == Float)
@_specialize(where Element == BFloat16, Gradient == BFloat16)
package func gatedActivationBackward<Element: Storage, Gradient: Storage>(
    _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
    into inputGradient: UnsafeMutablePointer<Gradient>, rows R: Int, width F: Int, form: ActivationForm
) {
    form.perform(
        GatedActivationGradient(
            input: input, outputGradient: outputGradient, inputGradient: inputGradient, rows: R, width: F))
}

private struct GatedActivation<Element: Storage>: ActivationPass {
    let input: UnsafePointer<Element>
    let output: UnsafeMutablePointer<Element>
    let rows: Int
    let width: Int

    @inline(__always)
    func run<Function: ActivationFunction>(_: Function.Type) {
        let F = width
        parallelRows(rows, columns: F) { rows in
            for r in rows {
                let (gate, y) = (input + r * 2 * F, output + r * F)
                let up = gate + F
                for (offsets, width) in vectors(F) {
                    for f in offsets {
                        store(Function.value(load(gate + f, width)) * load(up + f, width), y + f, width)
                    }
                }
            }
        }
    }
}

private struct GatedActivationGradient<Element: Storage, Gradient: Storage>: ActivationPass {
    let input: UnsafePointer<Element>
    let outputGradient: UnsafePointer<Float>
    let inputGradient: UnsafeMutablePointer<Gradient>
    let rows: Int
    let width: Int

    @inline(__always)
    func run<Function: ActivationFunction>(_: Function.Type) {
        let F = width
        parallelRows(rows, columns: F) { rows in
            for r in rows {
                let (gate, dGate, dy) = (input + r * 2 * F, inputGradient + r * 2 * F, outputGradient + r * F)
                let (up, dUp) = (gate + F, dGate + F)
                for (offsets, width) in vectors(F) {
                    for f in offsets {
                        let (x, gradient) = (load(gate + f, width), load(dy + f, width))
                        store(gradient * load(up + f, width) * Function.derivative(x), dGate + f, width)
                        store(gradient * Function.value(x), dUp + f, width)
                    }
                }
            }
        }
    }
}
