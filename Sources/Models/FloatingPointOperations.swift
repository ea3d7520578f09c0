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
                case .attention(let heads, let headWidth, let isCausal, let window):
                    Double(product.layers * 2 * heads * headWidth)
                        * keys(T, isCausal: isCausal, window: window == 0 ? T : min(Double(window), T))
                }
            switch product.rows {
            case .positions, .patches: position += operations
            case .targets: target += operations
            case .sequence: sequence += operations
            }
        }
        return 3 * 2 * (position / targetShare + target + sequence / (targetShare * T))
    }

    /// The mean number of keys that a position of a sequence of `length` attends to.
    private func keys(_ length: Double, isCausal: Bool, window: Double) -> Double {
        // On each side, the positions at distances below the window, fewer at the ends of the sequence.
        let side = window * (1 - window / (2 * length))
        return isCausal ? side : 2 * side
    }
}
