import Numbers
import Products
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
    /// The arena of the gradients of `weights`; nil: the weights are frozen, or there is no backward pass.
    package let gradients: UnsafeMutablePointer<Element>?
    /// The adapters of frozen weights; nil: none.
    package let adapters: AdapterArenas<Element>?

    /// A context with the given properties.
    package init(
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>? = nil,
        adapters: AdapterArenas<Element>? = nil, dropouts: Dropouts = .none, engine: ProductEngine = .best,
        _ workspace: Workspace
    ) {
        self.weights = weights
        self.gradients = gradients
        self.adapters = adapters
        self.dropouts = dropouts
        self.engine = engine
        self.workspace = workspace
    }

    /// Whether matmuls round the gradients of linear layers' outputs to bfloat16, so that these may be stored so.
    var roundsGradients: Bool { gradients != nil && ProductArithmetic.current.rounds(besides: Element.format) }

    /// Records the time spans of the layers.
    package var spans: SpanRecorder { workspace.spans }

    /// The place of the gradient of `count` weights at `offset`; memory that is not read if these are frozen.
    func gradient(at offset: Int, count: Int) -> UnsafeMutablePointer<Element> {
        gradients.map { $0 + offset } ?? workspace.numbers(.unread, count, Element.self)
    }
}
