import Tensors

// R rows, F feed-forward size.

/// Computes output = silu(gate) · up, the gated linear unit of Llama's feed-forward layer.
///
/// - Parameters:
///   - input: [R, 2F]; `gate` in the first half of each row, `up` in the second.
///   - output: [R, F].
/// - Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func swiGLU<Element: Storage>(
    _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>, rows R: Int, width F: Int
) {
    parallelRows(R, columns: F) { rows in
        for r in rows {
            let (gate, y) = (input + r * 2 * F, output + r * F)
            let up = gate + F
            forEachVector(F) { f, width in
                store(SiLU.value(load(gate + f, width)) * load(up + f, width), y + f, width)
            }
        }
    }
}

/// Computes the backward pass of `swiGLU`.
///
/// - Parameters:
///   - input: [R, 2F], the input of the forward pass.
///   - outputGradient: [R, F].
///   - inputGradient: [R, 2F], overwritten.
@_specialize(where Element == Float)
@_specialize(where Element == Float16)
@_specialize(where Element == BFloat16)
package func swiGLUBackward<Element: Storage>(
    _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
    into inputGradient: UnsafeMutablePointer<Float>, rows R: Int, width F: Int
) {
    parallelRows(R, columns: F) { rows in
        for r in rows {
            let (gate, dGate, dy) = (input + r * 2 * F, inputGradient + r * 2 * F, outputGradient + r * F)
            let (up, dUp) = (gate + F, dGate + F)
            forEachVector(F) { f, width in
                let (x, gradient) = (load(gate + f, width), load(dy + f, width))
                store(gradient * load(up + f, width) * SiLU.derivative(x), dGate + f, width)
                store(gradient * SiLU.value(x), dUp + f, width)
            }
        }
    }
}
