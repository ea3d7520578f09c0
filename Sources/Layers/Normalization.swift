import Kernels
import Tensors

/// Layer normalization with a learned scale and, with biases, a learned shift.
package struct Normalization<Element: Storage> {
    private let scale: Int
    private let shift: Int?
    private let width: Int

    /// What the backward pass needs of the forward pass: the mean and the reciprocal deviation of each row.
    package struct Statistics {
        let means: UnsafeMutablePointer<Float>
        let reciprocals: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.scale and `name`.shift, [width] each.
    package init(_ name: String, width: Int, bias: Bool, in layout: inout ParameterLayout) {
        self.width = width
        scale = layout.declare("\(name).scale", [width], .ones, decays: false)
        shift = bias ? layout.declare("\(name).shift", [width], .zeros, decays: false) : nil
    }

    /// output = normalized input · scale + shift; both [rows, width].
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>,
        _ statistics: Statistics, rows: Int
    ) {
        layerNormalization(
            input, scale: weights + scale, shift: shift.map { weights + $0 }, into: output,
            means: statistics.means, reciprocals: statistics.reciprocals, rows: rows, columns: width)
    }

    /// Adds the input's gradient to `inputGradient` and overwrites those of the scale and the shift.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, accumulatingInto inputGradient: UnsafeMutablePointer<Float>,
        _ statistics: Statistics, rows: Int, _ workspace: Workspace
    ) {
        layerNormalizationBackward(
            input, scale: weights + scale, means: statistics.means, reciprocals: statistics.reciprocals,
            outputGradient: outputGradient, accumulatingInto: inputGradient, scaleGradient: gradients + scale,
            shiftGradient: shift.map { gradients + $0 }, sums: workspace.floats(.sums, 2 * width),
            rows: rows, columns: width)
    }
}
