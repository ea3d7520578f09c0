import Kernels
import Tensors

// B sequences, T positions, C width; rows = B · T.

/// The attention sublayer: queries, keys and values in one projection, heads, and the output projection.
package struct SelfAttention<Element: Storage> {
    package let queryKeyValue: Linear<Element>
    package let projection: Linear<Element>
    private let attention: CausalAttention
    /// H.
    package var headCount: Int { attention.headCount }
    private let width: Int

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        let queryKeyValue: UnsafeMutablePointer<Element>
        let mixed: UnsafeMutablePointer<Element>
        let logSums: UnsafeMutablePointer<Float>
    }

    /// Declares `name`.query_key_value and `name`.projection.
    ///
    /// - Parameter outputInitializer: Of the projection that writes to the residual stream.
    package init(
        _ name: String, width: Int, headCount: Int, bias: Bool, initializer: Initializer,
        outputInitializer: Initializer, in layout: inout ParameterLayout
    ) {
        self.width = width
        attention = CausalAttention(headCount: headCount, headWidth: width / headCount)
        queryKeyValue = Linear(
            "\(name).query_key_value", inputWidth: width, outputWidth: 3 * width, bias: bias, initializer: initializer,
            in: &layout)
        projection = Linear(
            "\(name).projection", inputWidth: width, outputWidth: width, bias: bias, initializer: outputInitializer,
            in: &layout)
    }

    /// Memory for the activations of `sequences` × `positions`.
    package func takeActivations(sequences: Int, positions: Int, from arena: ActivationArena) -> Activations {
        let rows = sequences * positions
        return Activations(
            queryKeyValue: arena.take(Element.self, rows * 3 * width), mixed: arena.take(Element.self, rows * width),
            logSums: arena.take(Float.self, rows * attention.headCount))
    }

    /// output = projection(heads(input)), in Float32, before dropout and residual.
    ///
    /// - Parameters:
    ///   - input: [B, T, C].
    ///   - output: [B, T, C].
    ///   - site: The number of the place where probabilities are dropped.
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, into output: UnsafeMutablePointer<Float>,
        _ activations: Activations, sequences: Int, positions: Int, dropout: Dropout?, site: Int
    ) {
        let rows = sequences * positions
        queryKeyValue.forward(input, weights: weights, into: activations.queryKeyValue, rows: rows)
        attention.forward(
            activations.queryKeyValue, into: activations.mixed, logSums: activations.logSums, sequences: sequences,
            positions: positions,
            dropout: dropout, site: site)
        projection.forward(activations.mixed, weights: weights, into: output, rows: rows)
    }

    /// The backward pass of `forward`.
    ///
    /// - Parameters:
    ///   - outputGradient: [B, T, C].
    ///   - inputGradient: [B, T, C], overwritten; it may be `outputGradient`'s memory.
    package func backward(
        _ input: UnsafePointer<Element>, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, inputGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, sequences: Int, positions: Int, dropout: Dropout?, site: Int,
        _ workspace: Workspace
    ) {
        let rows = sequences * positions
        let inner = workspace.floats(.innerGradient, rows * 4 * width)
        let (mixedGradient, queryKeyValueGradient) = (inner, inner + rows * width)
        projection.backward(
            activations.mixed, outputGradient: outputGradient, weights: weights, gradients: gradients,
            inputGradient: mixedGradient, rows: rows)
        attention.backward(
            activations.queryKeyValue, output: activations.mixed, logSums: activations.logSums,
            outputGradient: mixedGradient, into: queryKeyValueGradient, sequences: sequences, positions: positions,
            dropout: dropout, site: site)
        queryKeyValue.backward(
            input, outputGradient: queryKeyValueGradient, weights: weights, gradients: gradients,
            inputGradient: inputGradient, rows: rows)
    }
}
