extension ModelConfiguration {
    /// The floating-point operations of training per target: the forward pass, and twice that for the backward pass.
    ///
    /// A multiply-add counts as two. Only matrix products are counted, and for attention only the unmasked part.
    /// Sequences are assumed to be full, a source to be as long as its target, and every position of an image to be a
    /// patch.
    ///
    /// - Parameter targetShare: The number of targets per position.
    package func flopsPerTarget(_ sizes: ModelSizes, targetShare: Double) -> Double {
        let T = Double(sizes.contextLength)
        // Multiply-adds of the forward pass.
        var (position, target, sequence) = (0.0, 0.0, 0.0)
        for product in products(sizes) {
            let operations =
                switch product.operands {
                case .linear(let input, let output): Double(product.layers * input * output)
                // Scores and weighted values, for the mean number of keys that a position attends to.
                case .attention(let heads, let headWidth, let isCausal):
                    Double(product.layers * 2 * heads * headWidth) * (isCausal ? T / 2 : T)
                }
            switch product.rows {
            case .positions, .patches: position += operations
            case .targets: target += operations
            case .sequence: sequence += operations
            }
        }
        return 3 * 2 * (position / targetShare + target + sequence / (targetShare * T))
    }
}
