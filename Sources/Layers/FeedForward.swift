import Kernels
import Numbers
import Tensors

// R rows, C hidden size, F feed-forward size.

/// The activation between the two linear maps of a feed-forward layer.
package enum FeedForwardActivation: Equatable, Sendable {
    /// An elementwise function.
    case elementwise(ActivationForm)
    /// A gated linear unit: one half of the expansion, after the function, multiplies the other half.
    ///
    /// - Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    case gated(ActivationForm)
}

/// The feed-forward sublayer: expansion, activation, projection.
package struct FeedForward<Element: Storage> {
    package let expansion: Linear<Element>
    package let projection: Linear<Element>
    private let activation: FeedForwardActivation

    /// The activations that the backward pass uses.
    package struct Activations {
        let expanded: UnsafeMutablePointer<Element>
        let activated: UnsafeMutablePointer<Element>
    }

    /// Declares `name`.expansion, [F, C] or, for a gated activation, [2F, C], and `name`.projection, [C, F].
    package init(
        _ name: String, width: Int, hiddenWidth: Int, _ activation: FeedForwardActivation, bias: Bool,
        _ initializers: BranchInitializers, in layout: inout ParameterLayout
    ) {
        self.activation = activation
        let isGated = if case .gated = activation { true } else { false }
        expansion = Linear(
            "\(name).expansion", inputWidth: width, outputWidth: isGated ? 2 * hiddenWidth : hiddenWidth, bias: bias,
            initializers.inner,
            adaptable: isGated
                ? .parts([("\(name).gate", hiddenWidth), ("\(name).up", hiddenWidth)]) : .whole, in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: hiddenWidth, outputWidth: width, bias: bias, initializers.outer,
            adaptable: .whole, in: &layout)
    }

    /// Allocates activations for `rows` rows.
    package func takeActivations(rows: Int, from arena: ActivationArena) -> Activations {
        Activations(
            expanded: arena.take(Element.self, rows * expansion.outputWidth),
            activated: arena.take(Element.self, rows * projection.inputWidth))
    }

    /// Computes output = projection(activation(expansion(input))) in Float32, before dropout and residual connection.
    ///
    /// - Parameters:
    ///   - input: [R, C].
    ///   - output: [R, C].
    package func forward(
        _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, rows: Int, _ context: LayerContext<Element>
    ) {
        expansion.forward(input, into: activations.expanded, rows: rows, context)
        switch activation {
        case .elementwise(let form):
            activate(
                activations.expanded, into: activations.activated, count: rows * projection.inputWidth, form: form)
        case .gated(let form):
            gatedActivation(
                activations.expanded, into: activations.activated, rows: rows, width: projection.inputWidth, form: form)
        }
        projection.forward(activations.activated, into: output, rows: rows, context)
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [R, C].
    ///   - inputGradient: [R, C], overwritten; may be the same memory as `outputGradient`.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
        inputGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, rows: Int, _ context: LayerContext<Element>
    ) {
        let (activatedCount, expandedCount) = (rows * projection.inputWidth, rows * expansion.outputWidth)
        let isInPlace = activatedCount == expandedCount
        let activatedGradient = context.workspace.floats(
            .innerGradient, activatedCount + (context.roundsGradients || isInPlace ? 0 : expandedCount))
        projection.backward(
            activations.activated, outputGradient: outputGradient, inputGradient: activatedGradient, rows: rows, context
        )
        func expand<Gradient: Storage>(_ expandedGradient: UnsafeMutablePointer<Gradient>) {
            switch activation {
            case .elementwise(let form):
                activationBackward(
                    activations.expanded, outputGradient: activatedGradient, into: expandedGradient,
                    count: expandedCount, form: form)
            case .gated(let form):
                gatedActivationBackward(
                    activations.expanded, outputGradient: activatedGradient, into: expandedGradient, rows: rows,
                    width: projection.inputWidth, form: form)
            }
            expansion.backward(
                input, outputGradient: UnsafePointer(expandedGradient), inputGradient: inputGradient, rows: rows,
                context)
        }
        if context.roundsGradients {
            expand(context.workspace.numbers(.roundedGradient, expandedCount, BFloat16.self))
        } else {
            expand(isInPlace ? activatedGradient : activatedGradient + activatedCount)
        }
    }
}
