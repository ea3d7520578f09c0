import Kernels
import Tensors

/// How rows are normalized.
package enum NormalizationKind: Sendable {
    /// To zero mean and unit variance, with a learned scale and shift.
    case layer
    /// To a root mean square of 1, with a learned scale.
    case rootMeanSquare
}

/// The normalizations of a model: one kind for all of them.
package struct NormalizationStyle: Equatable, Sendable {
    /// What is made 1.
    package let kind: NormalizationKind
    /// Added to what a root is taken of.
    package let epsilon: Float
    /// Whether a normalization by mean and variance adds a learned shift.
    package let hasShift: Bool

    /// A style.
    package init(kind: NormalizationKind, epsilon: Float, hasShift: Bool) {
        self.kind = kind
        self.epsilon = epsilon
        self.hasShift = hasShift
    }
}

/// Normalization of every row, with a learned scale and, where the style has one, a learned shift.
///
/// - Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450; Zhang & Sennrich 2019, arXiv:1910.07467.
package struct Normalization<Element: Storage> {
    private let scale: Int
    private let shift: Int?
    private let width: Int
    private let style: NormalizationStyle

    /// What the backward pass needs of the forward pass: the mean and the reciprocal deviation of each row.
    package struct Statistics {
        let means: UnsafeMutablePointer<Float>
        let reciprocals: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.scale and `name`.shift, [width] each.
    package init(_ name: String, width: Int, _ style: NormalizationStyle, in layout: inout ParameterLayout) {
        self.width = width
        self.style = style
        scale = layout.declare("\(name).scale", [width], .ones, decays: false)
        shift =
            style.kind == .layer && style.hasShift
            ? layout.declare("\(name).shift", [width], .zeros, decays: false) : nil
    }

    /// output = normalized input · scale + shift; both [rows, width].
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>,
        _ statistics: Statistics, rows: Int
    ) {
        switch style.kind {
        case .layer:
            layerNormalization(
                input, scale: weights + scale, shift: shift.map { weights + $0 }, epsilon: style.epsilon,
                into: output, means: statistics.means, reciprocals: statistics.reciprocals, rows: rows,
                columns: width)
        case .rootMeanSquare:
            rmsNormalization(
                input, scale: weights + scale, epsilon: style.epsilon, into: output,
                reciprocals: statistics.reciprocals, rows: rows, columns: width)
        }
    }

    /// Adds the input's gradient to `inputGradient` and overwrites those of the scale and the shift.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, accumulatingInto inputGradient: UnsafeMutablePointer<Float>,
        _ statistics: Statistics, rows: Int, _ workspace: Workspace
    ) {
        let sums = workspace.floats(.sums, 2 * width)
        switch style.kind {
        case .layer:
            layerNormalizationBackward(
                input, scale: weights + scale, means: statistics.means, reciprocals: statistics.reciprocals,
                outputGradient: outputGradient, accumulatingInto: inputGradient, scaleGradient: gradients + scale,
                shiftGradient: shift.map { gradients + $0 }, sums: sums, rows: rows, columns: width)
        case .rootMeanSquare:
            rmsNormalizationBackward(
                input, scale: weights + scale, reciprocals: statistics.reciprocals, outputGradient: outputGradient,
                accumulatingInto: inputGradient, scaleGradient: gradients + scale, sums: sums, rows: rows,
                columns: width)
        }
    }
}
