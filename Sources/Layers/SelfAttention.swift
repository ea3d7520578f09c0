import Kernels
import Numbers
import Tensors

// B sequences, T positions, C hidden size, H query heads, K KV heads, D head dimension; rows = B · T.

/// The self-attention sublayer: one projection to queries, keys and values, attention, and the output projection.
package struct SelfAttention<Element: Storage> {
    package let queryKeyValue: Linear<Element>
    package let projection: Linear<Element>
    /// The head layout.
    package let shape: AttentionShape
    let attention: Attention
    private let normalizations: HeadNormalizations<Element>?
    private let rotary: RotaryTable?
    private let site: Int

    /// The activations that the backward pass uses.
    package struct Activations {
        let queryKeyValue: UnsafeMutablePointer<Element>
        let normalization: HeadNormalizations<Element>.Activations?
        let mixed: UnsafeMutablePointer<Element>
        let logSums: UnsafeMutablePointer<Float>
        /// The KV cache, for inference.
        var cache: LayerCache<Element>?
    }

    /// Declares `name`.query_key_value, [(H + 2K) · D, C], `name`.query_normalization and `name`.key_normalization if
    /// the shape has a normalization, and `name`.projection, [C, H · D].
    ///
    /// - Parameters:
    ///   - initializers: The initializers of the input projection and of the output projection.
    ///   - hasWindow: Whether the window of the shape applies.
    ///   - rotary: The rotary table for `shape.rotary`, shared by all blocks of a stack; nil: none.
    ///   - site: The number of the dropout site of the attention probabilities.
    package init(
        _ name: String, _ shape: AttentionShape, hasWindow: Bool = true, _ initializers: BranchInitializers,
        rotary: RotaryTable?,
        site: Int,
        in layout: inout ParameterLayout
    ) {
        self.shape = shape
        self.rotary = rotary
        self.site = site
        attention = Attention(
            headCount: shape.headCount, keyHeadCount: shape.keyHeadCount, headWidth: shape.headWidth,
            penalizesDistance: shape.penalizesDistance, window: hasWindow ? shape.window : 0,
            scalesScores: shape.scalesScores)
        queryKeyValue = Linear(
            "\(name).query_key_value", inputWidth: shape.width,
            outputWidth: shape.queryWidth + 2 * shape.keyWidth, bias: shape.bias.inputs, initializers.inner,
            adaptable: .parts([
                ("\(name).query", shape.queryWidth), ("\(name).key", shape.keyWidth), ("\(name).value", shape.keyWidth),
            ]), in: &layout)
        normalizations = HeadNormalizations(name, shape, in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: shape.queryWidth, outputWidth: shape.width,
            bias: shape.bias.output, initializers.outer, adaptable: .whole, in: &layout)
    }

    /// Allocates activations for `sequences` × `positions` positions.
    package func takeActivations(sequences: Int, positions: Int, from arena: ActivationArena) -> Activations {
        let rows = sequences * positions
        return Activations(
            queryKeyValue: arena.take(Element.self, rows * queryKeyValue.outputWidth),
            normalization: normalizations?.takeActivations(rows: rows, from: arena),
            mixed: arena.take(Element.self, rows * shape.queryWidth),
            logSums: arena.take(Float.self, rows * shape.headCount))
    }

    func heads<Number>(_ rows: UnsafeMutablePointer<Number>) -> AttentionRows<Number> {
        AttentionRows(sideBySide: rows, queryWidth: shape.queryWidth, keyWidth: shape.keyWidth)
    }

    /// Computes output = projection(attention(input)) in Float32, before dropout and residual connection.
    ///
    /// - Parameters:
    ///   - input: [B, T, C].
    ///   - output: [B, T, C].
    package func forward(
        _ input: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ pass: Pass<Element>
    ) {
        if let places = pass.cachePlaces, let cache = activations.cache, places.adds {
            return add(input, into: output, activations, cache, places, pass)
        }
        project(input, activations, pass)
        if let places = pass.cachePlaces, let cache = activations.cache {
            keep(activations.queryKeyValue, in: cache, places, pass)
        }
        attention.forward(
            heads(activations.queryKeyValue), into: activations.mixed, logSums: activations.logSums,
            sequences: pass.sequences, queries: pass.positions, keys: pass.positions, mask: pass.mask,
            biases: pass.biases, dropout: pass.context.dropouts.attention, site: site)
        projection.forward(activations.mixed, into: output, rows: pass.rows, pass.context)
    }

    /// Computes the backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - inputGradient: [B, T, C], overwritten; may be the same memory as `outputGradient`.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>,
        inputGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ pass: Pass<Element>
    ) {
        let rows = pass.rows
        let count = rows * queryKeyValue.outputWidth
        // Rotation and normalizations compute in Float32.
        let isRounded = pass.context.roundsGradients && rotary == nil && normalizations == nil
        let mixedGradient = pass.context.workspace.floats(
            .innerGradient, rows * shape.queryWidth + (isRounded ? 0 : count))
        projection.backward(
            activations.mixed, outputGradient: outputGradient, inputGradient: mixedGradient, rows: rows, pass.context)
        func attend<Gradient: Storage>(into gradient: UnsafeMutablePointer<Gradient>) {
            attention.backward(
                heads(activations.queryKeyValue), output: activations.mixed, logSums: activations.logSums,
                outputGradient: mixedGradient, into: heads(gradient), sequences: pass.sequences,
                queries: pass.positions, keys: pass.positions, mask: pass.mask, biases: pass.biases,
                biasGradients: pass.biasGradients, dropout: pass.context.dropouts.attention, site: site)
        }
        func project<Gradient: Storage>(_ gradient: UnsafeMutablePointer<Gradient>) {
            queryKeyValue.backward(
                input, outputGradient: UnsafePointer(gradient), inputGradient: inputGradient, rows: rows, pass.context)
        }
        if isRounded {
            let gradient = pass.context.workspace.numbers(.roundedGradient, count, BFloat16.self)
            attend(into: gradient)
            return project(gradient)
        }
        let gradient = mixedGradient + rows * shape.queryWidth
        attend(into: gradient)
        turn(gradient, pass, back: true)
        if let normalizations {
            normalizations.backward(gradient, activations.normalization!, rows: rows, pass.context)
        }
        project(gradient)
    }

    /// Computes the queries, keys and values of `input`, with normalization and rotation.
    ///
    /// - Parameter positionIDs: As for `turn`.
    func project(
        _ input: UnsafePointer<Element>, _ activations: Activations, _ pass: Pass<Element>,
        positionIDs: UnsafePointer<Int32>? = nil
    ) {
        queryKeyValue.forward(input, into: activations.queryKeyValue, rows: pass.rows, pass.context)
        if let normalizations {
            normalizations.forward(
                activations.queryKeyValue, activations.normalization!, rows: pass.rows, pass.context)
        }
        turn(activations.queryKeyValue, pass, positionIDs: positionIDs, back: false)
    }

    /// Applies the rotary embedding or its inverse to the queries and keys, which are adjacent in each row.
    ///
    /// - Parameter positionIDs: [B, T]; the position of each row; nil: its index in the sequence.
    private func turn<Number: Storage>(
        _ rows: UnsafeMutablePointer<Number>, _ pass: Pass<Element>, positionIDs: UnsafePointer<Int32>? = nil,
        back: Bool
    ) {
        guard let rotary else { return }
        rotary.rotate(
            rows, stride: queryKeyValue.outputWidth, firstColumn: 0,
            headCount: shape.headCount + shape.keyHeadCount, positionIDs: positionIDs, lengths: pass.mask.lengths,
            inverse: back, sequences: pass.sequences, positions: pass.positions)
    }
}
