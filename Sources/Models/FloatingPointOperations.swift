extension ModelConfiguration {
    /// The floating-point operations of training per target: the forward pass, and twice that for the backward pass.
    ///
    /// A multiply-add counts as two. Only matrix products are counted, and for attention only the unmasked part.
    /// Sequences are assumed to be full, and a source to be as long as its target.
    ///
    /// - Parameter targetShare: The number of targets per position.
    package func flopsPerTarget(_ sizes: ModelSizes, targetShare: Double) -> Double {
        let architecture = family.architecture
        let (C, F, K) = (Double(width), Double(hiddenWidth), Double(keyHeads * headWidth))
        let (L, T) = (Double(architecture.hasEncoder ? targetLayers : layers), Double(sizes.contextLength))
        let feedForward = (activation == .swiglu ? 3 : 2) * C * F
        let projections = 2 * C * C + 2 * C * K
        /// Multiply-adds of scores and weighted values, for the mean number of keys that a position attends to.
        func attention(_ keys: Double) -> Double { 2 * C * keys }
        var position = L * (projections + feedForward + attention(architecture.visibility == .causal ? T / 2 : T))
        if architecture.hasEncoder {
            position += L * (projections + attention(T)) + Double(layers) * (projections + feedForward + attention(T))
        }
        if let image = sizes.image { position += C * Double(image.patchWidth(patchSize)) }
        // One row of logits per target token, or one per sequence for all of its targets.
        let head =
            switch architecture.output {
            case .tokens: C * Double(sizes.vocabularySize) + (self.head == .transform ? C * C : 0)
            case .sequence:
                (C * Double(sizes.outputs) + (pooling == .dense ? C * C : 0))
                    / (targetShare * Double(sizes.contextLength))
            }
        return 3 * 2 * (position / targetShare + head)
    }
}
