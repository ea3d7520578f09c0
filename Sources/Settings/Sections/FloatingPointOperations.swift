import Models

extension ModelConfiguration {
    /// Floating-point operations of training on one target: forward, and twice that backward.
    ///
    /// A multiply-add counts two; only matrix products count, and of attention only what the mask leaves. Sequences are taken
    /// to be full, and a source as long as its target.
    ///
    /// - Parameter targetShare: The targets for each position.
    package func flopsPerTarget(_ sizes: ModelSizes, targetShare: Double) -> Double {
        let architecture = family.architecture
        let (C, F, K) = (Double(width), Double(hiddenWidth), Double(keyHeads * headWidth))
        let (L, T) = (Double(architecture.hasEncoder ? targetLayers : layers), Double(sizes.contextLength))
        let feedForward = (activation == .swiglu ? 3 : 2) * C * F
        let projections = 2 * C * C + 2 * C * K
        /// Scores and mixing over the keys that a position sees on the mean.
        func attention(_ keys: Double) -> Double { 2 * C * keys }
        var position = L * (projections + feedForward + attention(architecture.visibility == .causal ? T / 2 : T))
        if architecture.hasEncoder {
            position += L * (projections + attention(T)) + Double(layers) * (projections + feedForward + attention(T))
        }
        if let image = sizes.image { position += C * Double(image.patchWidth(patchSize)) }
        // One row of logits for a token; one for all targets of a sequence.
        let head =
            architecture.output == .tokens
            ? C * Double(sizes.vocabularySize) : C * Double(sizes.outputs) / (targetShare * Double(sizes.contextLength))
        return 3 * 2 * (position / targetShare + head)
    }
}
