import Kernels
import Profiling

/// The data that all layers of a pass use: the parameters and their gradients, dropout, and scratch memory.
package struct LayerContext<Element: Storage> {
    /// The arena of all weights.
    package let weights: UnsafePointer<Element>
    /// The dropout of this pass; none outside training.
    package let dropouts: Dropouts
    /// Scratch memory, shared by the layers of a replica.
    package let workspace: Workspace
    /// The matmul implementation of linear layers in the forward pass.
    package let engine: ProductEngine
    private let gradientArena: UnsafeMutablePointer<Element>?

    /// A context with the given properties.
    ///
    /// - Parameter gradients: The arena of all gradients; nil: there is no backward pass.
    package init(
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>? = nil, dropouts: Dropouts = .none,
        engine: ProductEngine = .best, _ workspace: Workspace
    ) {
        self.weights = weights
        gradientArena = gradients
        self.dropouts = dropouts
        self.engine = engine
        self.workspace = workspace
    }

    /// Records the time spans of the layers.
    package var spans: SpanRecorder { workspace.spans }

    /// The arena of all gradients.
    package var gradients: UnsafeMutablePointer<Element> {
        guard let gradientArena else { preconditionFailure("the context has no gradients") }
        return gradientArena
    }
}
