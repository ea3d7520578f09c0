import Kernels
import Tensors

// R rows, C width; the hidden layer is F wide.

/// The feed-forward sublayer: expansion, activation, projection.
package struct FeedForward<Element: Storage> {
    package let expansion: Linear<Element>
    package let projection: Linear<Element>
    private let form: ActivationForm

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        let expanded: UnsafeMutablePointer<Element>
        let activated: UnsafeMutablePointer<Element>
    }

    /// Declares `name`.expansion [F, C] and `name`.projection [C, F].
    package init(
        _ name: String, width: Int, hiddenWidth: Int, activation: ActivationForm, bias: Bool, initializer: Initializer,
        outputInitializer: Initializer, in layout: inout ParameterLayout
    ) {
        form = activation
        expansion = Linear(
            "\(name).expansion", inputWidth: width, outputWidth: hiddenWidth, bias: bias, initializer: initializer,
            in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: hiddenWidth, outputWidth: width, bias: bias,
            initializer: outputInitializer, in: &layout)
    }

    /// Memory for the activations of `rows`.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            expanded: arena.take(Element.self, rows * expansion.outputWidth),
            activated: arena.take(Element.self, rows * expansion.outputWidth))
    }

    /// output = projection(activation(expansion(input))), in Float32, before dropout and residual.
    ///
    /// - Parameters:
    ///   - input: [R, C].
    ///   - output: [R, C].
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, rows: Int
    ) {
        expansion.forward(input, weights: weights, into: activations.expanded, rows: rows)
        activate(activations.expanded, into: activations.activated, rows: rows)
        projection.forward(activations.activated, weights: weights, into: output, rows: rows)
    }

    /// activated = activation(expanded), both [R, F].
    package func activate(
        _ expanded: UnsafePointer<Element>, into activated: UnsafeMutablePointer<Element>, rows: Int
    ) {
        Kernels.activate(expanded, into: activated, count: rows * expansion.outputWidth, form: form)
    }

    /// The backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [R, C].
    ///   - inputGradient: [R, C], overwritten; it may be `outputGradient`'s memory.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, inputGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, rows: Int, _ workspace: Workspace
    ) {
        let hiddenGradient = workspace.floats(.innerGradient, rows * expansion.outputWidth)
        projection.backward(
            activations.activated, outputGradient: outputGradient, weights: weights, gradients: gradients,
            inputGradient: hiddenGradient, rows: rows)
        activationBackward(activations.expanded, hiddenGradient, count: rows * expansion.outputWidth, form: form)
        expansion.backward(
            input, outputGradient: hiddenGradient, weights: weights, gradients: gradients,
            inputGradient: inputGradient, rows: rows)
    }
}
