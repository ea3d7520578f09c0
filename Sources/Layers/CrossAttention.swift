import Kernels
import Tensors

// B sequences, T positions, S positions of the memory, C width, K heads of keys, D head width.

/// What a decoder attends to besides itself: an encoder's output.
package struct CrossMemory<Element: Storage> {
    /// [B, S, C].
    package let rows: UnsafePointer<Element>
    /// S.
    package let positions: Int
    /// Which of them each query sees.
    package let mask: AttentionMask
    /// [B, S, C]; what the backward pass adds the memory's gradient to.
    package let gradient: UnsafeMutablePointer<Float>?

    /// A memory.
    package init(
        rows: UnsafePointer<Element>, positions: Int, mask: AttentionMask, gradient: UnsafeMutablePointer<Float>? = nil
    ) {
        self.rows = rows
        self.positions = positions
        self.mask = mask
        self.gradient = gradient
    }
}

/// The attention of a decoder to an encoder's output.
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
package struct CrossAttention<Element: Storage> {
    package let query: Linear<Element>
    package let keyValue: Linear<Element>
    package let projection: Linear<Element>
    /// Its heads.
    package let shape: AttentionShape
    let attention: Attention
    private let site: Int

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        let query: UnsafeMutablePointer<Element>
        let keyValue: UnsafeMutablePointer<Element>
        let mixed: UnsafeMutablePointer<Element>
        let logSums: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.query, [C, C], `name`.key_value, [2K · D, C], and `name`.projection, [C, C].
    package init(
        _ name: String, _ shape: AttentionShape, bias: Bool, _ initializers: BranchInitializers, site: Int,
        in layout: inout ParameterLayout
    ) {
        self.shape = shape
        self.site = site
        attention = Attention(
            headCount: shape.headCount, keyHeadCount: shape.keyHeadCount, headWidth: shape.headWidth)
        query = Linear(
            "\(name).query", inputWidth: shape.width, outputWidth: shape.width, bias: bias, initializers.inner,
            in: &layout)
        keyValue = Linear(
            "\(name).key_value", inputWidth: shape.width, outputWidth: 2 * shape.keyWidth, bias: bias,
            initializers.inner, in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: shape.width, outputWidth: shape.width, bias: bias,
            initializers.outer, in: &layout)
    }

    /// Memory for the activations of `sequences` × `positions` that see `memoryPositions` each.
    package func takeActivations(
        sequences: Int, positions: Int, memoryPositions: Int, from arena: ActivationArena
    ) -> Activations {
        let rows = sequences * positions
        return Activations(
            query: arena.take(Element.self, rows * shape.width),
            keyValue: arena.take(Element.self, sequences * memoryPositions * keyValue.outputWidth),
            mixed: arena.take(Element.self, rows * shape.width),
            logSums: arena.take(Float.self, rows * shape.headCount))
    }

    func heads<Number>(
        _ query: UnsafeMutablePointer<Number>, _ keyValue: UnsafeMutablePointer<Number>
    ) -> AttentionRows<Number> {
        AttentionRows(
            queries: query, queryWidth: shape.width, keysAndValues: keyValue, keyWidth: shape.keyWidth)
    }

    /// output = projection(heads(input, memory)), in Float32, before dropout and residual.
    ///
    /// - Parameters:
    ///   - input: [B, T, C].
    ///   - memory: What it sees, unless keys and values of it are cached.
    ///   - output: [B, T, C].
    package func forward(
        _ input: UnsafePointer<Element>, _ memory: CrossMemory<Element>?, weights: UnsafePointer<Element>,
        into output: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass
    ) {
        query.forward(input, weights: weights, into: activations.query, rows: pass.rows, engine: pass.engine)
        guard let memory else { return see(activations, weights: weights, into: output, pass) }
        keyValue.forward(
            memory.rows, weights: weights, into: activations.keyValue, rows: pass.sequences * memory.positions)
        attention.forward(
            heads(activations.query, activations.keyValue), into: activations.mixed, logSums: activations.logSums,
            sequences: pass.sequences, queries: pass.positions, keys: memory.positions, mask: memory.mask,
            dropout: pass.dropouts.attention, site: site)
        projection.forward(activations.mixed, weights: weights, into: output, rows: pass.rows)
    }

    /// The backward pass of `forward`; it adds to the memory's gradient.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - inputGradient: [B, T, C], overwritten; it may be `outputGradient`'s memory.
    package func backward(
        _ input: UnsafePointer<Element>, _ memory: CrossMemory<Element>, outputGradient: UnsafePointer<Float>,
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>,
        inputGradient: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass
    ) {
        let (rows, memoryRows) = (pass.rows, pass.sequences * memory.positions)
        let inner = pass.workspace.floats(
            .innerGradient, 2 * rows * shape.width + memoryRows * keyValue.outputWidth)
        let (mixedGradient, queryGradient) = (inner, inner + rows * shape.width)
        let keyValueGradient = queryGradient + rows * shape.width
        projection.backward(
            activations.mixed, outputGradient: outputGradient, weights: weights, gradients: gradients,
            inputGradient: mixedGradient, rows: rows)
        attention.backward(
            heads(activations.query, activations.keyValue), output: activations.mixed, logSums: activations.logSums,
            outputGradient: mixedGradient, into: heads(queryGradient, keyValueGradient), sequences: pass.sequences,
            queries: pass.positions, keys: memory.positions, mask: memory.mask, dropout: pass.dropouts.attention,
            site: site)
        query.backward(
            input, outputGradient: queryGradient, weights: weights, gradients: gradients,
            inputGradient: inputGradient, rows: rows)
        keyValue.backward(
            memory.rows, outputGradient: keyValueGradient, weights: weights, gradients: gradients,
            inputGradient: memory.gradient!, rows: memoryRows, accumulatingInput: true)
    }
}
