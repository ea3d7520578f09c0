import Kernels
import Numbers
import Tensors

// R rows, C hidden size, V outputs.

/// The output layer: a linear layer from hidden states to logits or values, optionally preceded by a transform.
package struct PredictionHead<Element: Storage> {
    /// The linear layer to logits or values; its weight is the token table if embeddings are tied.
    package let output: Linear<Element>
    private let transform: Transform?
    /// The factor applied to hidden states; 1: none.
    private let scale: Float

    /// BERT's head transform: a linear layer, an activation and a normalization.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, and its released code.
    private struct Transform {
        let dense: Linear<Element>
        let form: ActivationForm
        let normalization: Normalization<Element>
    }

    /// C, the hidden size.
    package var inputWidth: Int { output.inputWidth }
    /// V, the number of outputs.
    package var outputWidth: Int { output.outputWidth }

    /// Declares head.weight [V, C] unless it is tied, head.bias [V] if `bias` is true, and head_transform and
    /// head_normalization if there is a transform.
    ///
    /// - Parameters:
    ///   - tiedTo: The offset of the token table whose weight the head shares; nil: not tied.
    ///   - transform: The activation and the normalization of the transform; nil: no transform.
    ///   - scale: A factor applied to the hidden states of a head without a transform.
    package init(
        inputWidth: Int, outputWidth: Int, tiedTo table: Int?, bias: Bool,
        transform: (form: ActivationForm, normalization: NormalizationStyle)?, scale: Float = 1,
        _ initialization: WeightInitialization, in layout: inout ParameterLayout
    ) {
        self.scale = scale
        self.transform = transform.map {
            Transform(
                dense: Linear(
                    "head_transform", inputWidth: inputWidth, outputWidth: inputWidth, bias: true, initialization,
                    in: &layout),
                form: $0.form,
                normalization: Normalization("head_normalization", width: inputWidth, $0.normalization, in: &layout))
        }
        output =
            table.map {
                Linear(
                    "head", sharing: $0, inputWidth: inputWidth, outputWidth: outputWidth, bias: bias, in: &layout)
            }
            ?? Linear(
                "head", inputWidth: inputWidth, outputWidth: outputWidth, bias: bias, initialization, in: &layout)
    }

    /// Returns the input of the linear layer for `rows` hidden states, [R, C]: the output of the transform, or the
    /// hidden states themselves without one.
    ///
    /// The output of the transform is in the workspace and valid until the next call.
    package func transformed(
        _ hidden: UnsafePointer<Element>, rows: Int, _ context: LayerContext<Element>
    ) -> UnsafePointer<Element> {
        guard let transform else { return scale == 1 ? hidden : scaled(hidden, rows: rows, context) }
        let memory = TransformMemory(rows: rows, width: inputWidth, context.workspace)
        transform.dense.forward(hidden, into: memory.dense, rows: rows, context)
        activate(memory.dense, into: memory.activated, count: rows * inputWidth, form: transform.form)
        transform.normalization.forward(
            memory.activated, into: memory.normalized, memory.statistics, rows: rows, context)
        return UnsafePointer(memory.normalized)
    }

    /// Computes the backward pass of `transformed`; must directly follow that call, with the same rows.
    ///
    /// - Parameter gradient: [R, C]; on entry the gradient of the linear layer's input, afterwards that of the hidden
    ///   states.
    package func transformedBackward(
        _ hidden: UnsafePointer<Element>, gradient: UnsafeMutablePointer<Float>, rows: Int,
        _ context: LayerContext<Element>
    ) {
        guard let transform else {
            if scale != 1 { Numbers.scale(gradient, by: scale, count: rows * inputWidth) }
            return
        }
        let memory = TransformMemory(rows: rows, width: inputWidth, context.workspace)
        let inner = context.workspace.floats(.innerGradient, rows * inputWidth)
        inner.update(repeating: 0, count: rows * inputWidth)
        transform.normalization.backward(
            memory.activated, outputGradient: gradient, accumulatingInto: inner, memory.statistics, rows: rows, context)
        activationBackward(
            memory.dense, outputGradient: inner, into: inner, count: rows * inputWidth, form: transform.form)
        transform.dense.backward(
            hidden, outputGradient: inner, inputGradient: gradient, rows: rows, context)
    }

    /// Returns the hidden states times the factor.
    private func scaled(
        _ hidden: UnsafePointer<Element>, rows: Int, _ context: LayerContext<Element>
    ) -> UnsafePointer<Element> {
        let count = rows * inputWidth
        let scaled = context.workspace.numbers(.headTransform, count, Element.self)
        scaled.update(from: hidden, count: count)
        Numbers.scale(scaled, by: scale, count: count)
        return UnsafePointer(scaled)
    }

    /// The workspace buffers that hold a transform's activations for its backward pass.
    private struct TransformMemory {
        let dense: UnsafeMutablePointer<Element>
        let activated: UnsafeMutablePointer<Element>
        let normalized: UnsafeMutablePointer<Element>
        let statistics: Normalization<Element>.Statistics

        init(rows: Int, width: Int, _ workspace: Workspace) {
            dense = workspace.numbers(.headTransform, 3 * rows * width, Element.self)
            activated = dense + rows * width
            normalized = activated + rows * width
            let means = workspace.floats(.headStatistics, 2 * rows)
            statistics = Normalization<Element>.Statistics(means: means, reciprocals: means + rows)
        }
    }
}
