import Kernels
import Tensors

// R rows, C width, V outputs.

/// From hidden states to the numbers that a loss reads: a linear map, and before it, where the model has one, a transform.
package struct PredictionHead<Element: Storage> {
    /// The linear map to logits or values; it shares the token table where embeddings are tied.
    package let output: Linear<Element>
    private let transform: Transform?

    /// A linear map, an activation and a normalization.
    ///
    /// - Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, and the program that came with it.
    private struct Transform {
        let dense: Linear<Element>
        let form: ActivationForm
        let normalization: Normalization<Element>
    }

    /// C.
    package var inputWidth: Int { output.inputWidth }
    /// V.
    package var outputWidth: Int { output.outputWidth }

    /// Declares head.weight [V, C] unless it is tied, head.bias [V], and head_transform and head_normalization.
    ///
    /// - Parameters:
    ///   - tiedTo: Where the weight that it shares stands.
    ///   - transform: The activation and the normalization of the transform; nil: none.
    package init(
        inputWidth: Int, outputWidth: Int, tiedTo table: Int?, bias: Bool,
        transform: (form: ActivationForm, normalization: NormalizationStyle)?, _ initialization: WeightInitialization,
        in layout: inout ParameterLayout
    ) {
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

    /// What the linear map reads of `rows` hidden states, [R, C]: themselves, or what the transform makes of them.
    ///
    /// It stands in the workspace until the next call.
    package func transformed(
        _ hidden: UnsafePointer<Element>, weights: UnsafePointer<Element>, rows: Int, _ workspace: Workspace,
        engine: ProductEngine = .best
    ) -> UnsafePointer<Element> {
        guard let transform else { return hidden }
        let memory = TransformMemory(rows: rows, width: inputWidth, workspace)
        transform.dense.forward(hidden, weights: weights, into: memory.dense, rows: rows, engine: engine)
        activate(memory.dense, into: memory.activated, count: rows * inputWidth, form: transform.form)
        transform.normalization.forward(
            memory.activated, weights: weights, into: memory.normalized, memory.statistics, rows: rows)
        return UnsafePointer(memory.normalized)
    }

    /// The backward pass of `transformed`, right after it with the same rows.
    ///
    /// - Parameter gradient: [R, C]; of what the linear map read on entry, of the hidden states afterwards.
    package func transformedBackward(
        _ hidden: UnsafePointer<Element>, weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>,
        gradient: UnsafeMutablePointer<Float>, rows: Int, _ workspace: Workspace
    ) {
        guard let transform else { return }
        let memory = TransformMemory(rows: rows, width: inputWidth, workspace)
        let inner = workspace.floats(.innerGradient, rows * inputWidth)
        inner.update(repeating: 0, count: rows * inputWidth)
        transform.normalization.backward(
            memory.activated, outputGradient: gradient, weights: weights, gradients: gradients,
            accumulatingInto: inner, memory.statistics, rows: rows, workspace)
        activationBackward(memory.dense, inner, count: rows * inputWidth, form: transform.form)
        transform.dense.backward(
            hidden, outputGradient: inner, weights: weights, gradients: gradients, inputGradient: gradient, rows: rows)
    }

    /// Where a transform keeps what its backward pass needs.
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
