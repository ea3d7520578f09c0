import Profiling

/// The matrix products of some equal layers of a model, in the forward pass of a sequence.
package struct ModelProduct: Equatable, Sendable {
    /// What is multiplied.
    package enum Operands: Equatable, Sendable {
        /// Rows of activations, each of `input` values, and a weight [output, input].
        case linear(input: Int, output: Int)
        /// Queries and keys, and attention weights and values, of all heads.
        ///
        /// - Parameters:
        ///   - heads: H.
        ///   - headWidth: D.
        ///   - window: The distance from which on a query attends to no key; 0: any distance.
        case attention(heads: Int, headWidth: Int, isCausal: Bool, window: Int)
    }

    /// The rows of activations of a sequence.
    package enum Rows: Sendable {
        /// One for each position.
        case positions
        /// One for each patch of an image. Patches need no gradient.
        case patches
        /// One for each target.
        case targets
        /// One for the sequence.
        case sequence
    }

    /// The name of the layer, for tables.
    package let name: String
    /// The part of a pass that computes it; nil: the pass itself.
    package let span: Span?
    package let operands: Operands
    package let rows: Rows
    /// The number of equal layers.
    package let layers: Int

    fileprivate static func linear(
        _ name: String, _ span: Span?, _ input: Int, _ output: Int, _ rows: Rows = .positions, layers: Int = 1
    ) -> ModelProduct {
        ModelProduct(
            name: name, span: span, operands: .linear(input: input, output: output), rows: rows, layers: layers)
    }

    fileprivate static func attention(
        _ name: String, _ span: Span, _ sizes: BlockSizes, isCausal: Bool, window: Int = 0, layers: Int
    ) -> ModelProduct {
        ModelProduct(
            name: name, span: span,
            operands: .attention(heads: sizes.heads, headWidth: sizes.headWidth, isCausal: isCausal, window: window),
            rows: .positions, layers: layers)
    }
}

extension ModelConfiguration {
    /// All matrix products of a model of `sizes`, in the order of the forward pass of a decoder, then of an encoder.
    package func products(_ sizes: ModelSizes) -> [ModelProduct] {
        let architecture = family.architecture
        let C = width
        // The target and its noise.
        guard architecture.hasBlocks else { return [.linear("head", .head, C, sizes.outputs, .targets)] }
        func stack(_ sizes: BlockSizes, layers: Int, isCausal: Bool) -> [ModelProduct] {
            let (Q, F, K) = (sizes.heads * sizes.headWidth, sizes.hiddenWidth, sizes.keyHeads * sizes.headWidth)
            let unlimited = attentionWindow > 0 ? min(unlimitedLayers, layers) : 0
            let products: [ModelProduct] = [
                .linear("query_key_value", .attention, C, Q + 2 * K, layers: layers),
                .attention(
                    "attention", .attention, sizes, isCausal: isCausal, window: attentionWindow,
                    layers: layers - unlimited),
                .attention("attention", .attention, sizes, isCausal: isCausal, layers: unlimited),
                .linear("attention projection", .attention, Q, C, layers: layers),
                .linear("expansion", .feedForward, C, hasGate ? 2 * F : F, layers: layers),
                .linear("projection", .feedForward, F, C, layers: layers),
            ]
            return products.filter { $0.layers > 0 }
        }
        let main = architecture.hasEncoder ? targetBlockSizes : blockSizes
        var products = stack(
            main, layers: architecture.hasEncoder ? targetLayers : layers, isCausal: architecture.visibility == .causal)
        if architecture.hasEncoder {
            let (Q, K) = (main.heads * main.headWidth, main.keyHeads * main.headWidth)
            products += stack(blockSizes, layers: layers, isCausal: false)
            products += [
                .linear("cross-attention query", .crossAttention, C, Q, layers: targetLayers),
                .linear("cross-attention key_value", .crossAttention, C, 2 * K, layers: targetLayers),
                .attention("cross-attention", .crossAttention, main, isCausal: false, layers: targetLayers),
                .linear("cross-attention projection", .crossAttention, Q, C, layers: targetLayers),
            ]
        }
        if let image = sizes.image {
            products.append(.linear("patch embedding", .embedding, image.patchWidth(patchSize), C, .patches))
        }
        switch architecture.output {
        case .tokens:
            if head == .transform { products.append(.linear("head transform", .head, C, C, .targets)) }
            products.append(.linear("head", .head, C, sizes.vocabularySize, .targets))
        case .sequence:
            if pooling == .dense || pooling == .denseReLU { products.append(.linear("pooling", nil, C, C, .sequence)) }
            products.append(.linear("head", .head, C, sizes.outputs, .sequence))
        }
        return products
    }
}
