import Kernels
import Numbers
import Tensors

/// The kind of normalization.
package enum NormalizationKind: Sendable {
    /// Layer normalization: zero mean and unit variance, with a learned scale and optionally a learned shift.
    case layer
    /// RMS normalization: a root mean square of 1, with a learned scale.
    case rootMeanSquare
    /// RMS normalization whose scale is stored as its difference from 1.
    ///
    /// - Source: Gemma Team 2024, arXiv:2403.08295, and its released code.
    case offsetRootMeanSquare

    /// The value that is added to the stored scale.
    var scaleOffset: Float { self == .offsetRootMeanSquare ? 1 : 0 }
}

/// The normalization used throughout a model.
package struct NormalizationStyle: Equatable, Sendable {
    /// The kind of normalization.
    package let kind: NormalizationKind
    /// ε, added to the variance or to the mean square.
    package let epsilon: Float
    /// Whether layer normalization has a learned shift.
    package let hasShift: Bool

    /// A style with the given properties.
    package init(kind: NormalizationKind, epsilon: Float, hasShift: Bool) {
        self.kind = kind
        self.epsilon = epsilon
        self.hasShift = hasShift
    }
}

/// Row-wise normalization with a learned scale and, if the style has one, a learned shift.
///
/// - Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450; Zhang & Sennrich 2019, arXiv:1910.07467.
package struct Normalization<Element: Storage> {
    private let scale: Int
    private let shift: Int?
    private let width: Int
    private let style: NormalizationStyle

    /// The statistics that the backward pass uses: the mean of each row and its 1/√(variance + ε) or 1/√(mean square +
    /// ε).
    package struct Statistics {
        let means: UnsafeMutablePointer<Float>
        let reciprocals: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.scale and, if the style has a shift, `name`.shift, [width] each.
    package init(_ name: String, width: Int, _ style: NormalizationStyle, in layout: inout ParameterLayout) {
        self.width = width
        self.style = style
        scale = layout.declare(
            "\(name).scale", [width], style.kind == .offsetRootMeanSquare ? .zeros : .ones, decays: false)
        shift =
            style.kind == .layer && style.hasShift
            ? layout.declare("\(name).shift", [width], .zeros, decays: false) : nil
    }

    /// Computes output = normalized input · scale + shift; input and output are [rows, width].
    package func forward(
        _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Element>,
        _ statistics: Statistics, rows: Int, _ context: LayerContext<Element>
    ) {
        let weights = context.weights
        switch style.kind {
        case .layer:
            layerNormalization(
                input, scale: weights + scale, shift: shift.map { weights + $0 }, epsilon: style.epsilon,
                into: output, means: statistics.means, reciprocals: statistics.reciprocals, rows: rows,
                columns: width)
        case .rootMeanSquare, .offsetRootMeanSquare:
            rmsNormalization(
                input, scale: weights + scale, offset: style.kind.scaleOffset, epsilon: style.epsilon, into: output,
                reciprocals: statistics.reciprocals, rows: rows, columns: width)
        }
    }

    /// Computes the backward pass: adds to `inputGradient`, and overwrites the gradients of scale and shift unless
    /// these are frozen.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
        accumulatingInto inputGradient: UnsafeMutablePointer<Float>,
        _ statistics: Statistics, rows: Int, _ context: LayerContext<Element>
    ) {
        let weights = context.weights
        let scaleGradient = context.gradient(at: scale, count: width)
        let sums = context.workspace.floats(.sums, 2 * width)
        switch style.kind {
        case .layer:
            layerNormalizationBackward(
                input, scale: weights + scale, means: statistics.means, reciprocals: statistics.reciprocals,
                outputGradient: outputGradient, accumulatingInto: inputGradient, scaleGradient: scaleGradient,
                shiftGradient: shift.map { context.gradient(at: $0, count: width) }, sums: sums, rows: rows,
                columns: width)
        case .rootMeanSquare, .offsetRootMeanSquare:
            rmsNormalizationBackward(
                input, scale: weights + scale, offset: style.kind.scaleOffset, reciprocals: statistics.reciprocals,
                outputGradient: outputGradient, accumulatingInto: inputGradient, scaleGradient: scaleGradient,
                sums: sums, rows: rows, columns: width)
        }
    }
}
