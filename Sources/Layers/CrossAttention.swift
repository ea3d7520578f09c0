import Kernels
import Numbers
import Tensors

// B sequences, T positions, S positions of the memory, C hidden size, H query heads, K KV heads, D head dimension.

/// The memory of cross-attention: the encoder's output, which the decoder attends to.
package struct CrossMemory<Element: Storage> {
    /// The encoder's output, [B, S, C].
    package let rows: UnsafePointer<Element>
    /// S, the number of positions per sequence.
    package let positions: Int
    /// The positions of the memory that each query attends to.
    package let mask: AttentionMask
    /// [B, S, C]; the memory's gradient, to which the backward pass adds; nil outside training.
    package let gradient: UnsafeMutablePointer<Float>?

    /// A memory with the given properties.
    package init(
        rows: UnsafePointer<Element>, positions: Int, mask: AttentionMask, gradient: UnsafeMutablePointer<Float>? = nil
    ) {
        self.rows = rows
        self.positions = positions
        self.mask = mask
        self.gradient = gradient
    }
}

/// The cross-attention sublayer of a decoder, which attends to an encoder's output.
///
/// - Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
package struct CrossAttention<Element: Storage> {
    package let query: Linear<Element>
    package let keyValue: Linear<Element>
    package let projection: Linear<Element>
    /// The head layout.
    package let shape: AttentionShape
    let attention: Attention
    private let site: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        let query: UnsafeMutablePointer<Element>
        let keyValue: UnsafeMutablePointer<Element>
        let mixed: UnsafeMutablePointer<Element>
        let logSums: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.query, [H · D, C], `name`.key_value, [2K · D, C], and `name`.projection, [C, H · D].
    package init(
        _ name: String, _ shape: AttentionShape, _ initializers: BranchInitializers, site: Int,
        in layout: inout ParameterLayout
    ) {
        self.shape = shape
        self.site = site
        attention = Attention(
            headCount: shape.headCount, keyHeadCount: shape.keyHeadCount, headWidth: shape.headWidth,
            scalesScores: shape.scalesScores)
        query = Linear(
            "\(name).query", inputWidth: shape.width, outputWidth: shape.queryWidth, bias: shape.bias.inputs,
            initializers.inner, adaptable: .whole, in: &layout)
        keyValue = Linear(
            "\(name).key_value", inputWidth: shape.width, outputWidth: 2 * shape.keyWidth,
            bias: shape.bias.inputs, initializers.inner,
            adaptable: .parts([("\(name).key", shape.keyWidth), ("\(name).value", shape.keyWidth)]), in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: shape.queryWidth, outputWidth: shape.width,
            bias: shape.bias.output, initializers.outer, adaptable: .whole, in: &layout)
    }

    /// Allocates activations for `sequences` × `positions` queries that attend to `memoryPositions` positions each.
    package func takeActivations(
        sequences: Int, positions: Int, memoryPositions: Int, from arena: ActivationArena
    ) -> Activations {
        let rows = sequences * positions
        return Activations(
            query: arena.take(Element.self, rows * shape.queryWidth),
            keyValue: arena.take(Element.self, sequences * memoryPositions * keyValue.outputWidth),
            mixed: arena.take(Element.self, rows * shape.queryWidth),
            logSums: arena.take(Float.self, rows * shape.headCount))
    }

    func heads<Number>(
        _ query: UnsafeMutablePointer<Number>, _ keyValue: UnsafeMutablePointer<Number>
    ) -> AttentionRows<Number> {
        AttentionRows(
            queries: query, queryWidth: shape.queryWidth, keysAndValues: keyValue, keyWidth: shape.keyWidth)
    }

    /// Computes output = projection(attention(input, memory)) in Float32, before dropout and residual connection.
    ///
    /// - Parameters:
    ///   - input: [B, T, C].
    ///   - memory: The memory; nil: its keys and values are in the KV cache.
    ///   - output: [B, T, C].
    package func forward(
        _ input: UnsafePointer<Element>, _ memory: CrossMemory<Element>?, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ pass: Pass<Element>
    ) {
        query.forward(input, into: activations.query, rows: pass.rows, pass.context)
        guard let memory else { return see(activations, into: output, pass) }
        keyValue.forward(
            memory.rows, into: activations.keyValue, rows: pass.sequences * memory.positions, pass.context)
        attention.forward(
            heads(activations.query, activations.keyValue), into: activations.mixed, logSums: activations.logSums,
            sequences: pass.sequences, queries: pass.positions, keys: memory.positions, mask: memory.mask,
            dropout: pass.context.dropouts.attention, site: site)
        projection.forward(activations.mixed, into: output, rows: pass.rows, pass.context)
    }

    /// Computes the backward pass of `forward`; adds to the memory's gradient.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - inputGradient: [B, T, C], overwritten; may be the same memory as `outputGradient`.
    package func backward(
        _ input: UnsafePointer<Element>, _ memory: CrossMemory<Element>, outputGradient: UnsafePointer<Float>,
        inputGradient: UnsafeMutablePointer<Float>, _ activations: Activations, _ pass: Pass<Element>
    ) {
        let (rows, memoryRows) = (pass.rows, pass.sequences * memory.positions)
        let inner = pass.context.workspace.floats(
            .innerGradient, 2 * rows * shape.queryWidth + memoryRows * keyValue.outputWidth)
        let (mixedGradient, queryGradient) = (inner, inner + rows * shape.queryWidth)
        let keyValueGradient = queryGradient + rows * shape.queryWidth
        projection.backward(
            activations.mixed, outputGradient: outputGradient, inputGradient: mixedGradient, rows: rows, pass.context)
        attention.backward(
            heads(activations.query, activations.keyValue), output: activations.mixed, logSums: activations.logSums,
            outputGradient: mixedGradient, into: heads(queryGradient, keyValueGradient), sequences: pass.sequences,
            queries: pass.positions, keys: memory.positions, mask: memory.mask,
            dropout: pass.context.dropouts.attention,
            site: site)
        query.backward(
            input, outputGradient: queryGradient, inputGradient: inputGradient, rows: rows, pass.context)
        keyValue.backward(
            memory.rows, outputGradient: keyValueGradient, inputGradient: memory.gradient!, rows: memoryRows,
            accumulatingInput: true, pass.context)
    }
}
