import Kernels
import Layers

// R rows (sequences · positions), C width, V vocabulary.

/// Predicting each next token: the head and the cross-entropy, forward and backward, over blocks of rows.
///
/// Logits exist for one block of rows at a time.
package struct CausalLanguageModelling: Sendable {
    /// The most bytes of logits at once.
    private static let blockBytes = 64 << 20

    /// The objective has no settings.
    package init() {}

    /// The loss of each row: the negative log-likelihood of its target in nats, 0 where it is ignored.
    ///
    /// - Parameters:
    ///   - hidden: [R, C].
    ///   - targets: [R].
    ///   - losses: [R].
    package func losses<Element: Storage>(
        hidden: UnsafePointer<Element>, head: Linear<Element>, weights: UnsafePointer<Element>,
        targets: UnsafePointer<Int32>, into losses: UnsafeMutablePointer<Float>, rows: Int, _ workspace: Workspace
    ) {
        forEachBlock(rows: rows, vocabulary: head.outputWidth) { start, count in
            let logits = workspace.floats(.logits, count * head.outputWidth)
            head.forward(hidden + start * head.inputWidth, weights: weights, into: logits, rows: count)
            crossEntropy(
                logits, targets: targets + start, into: losses + start, rows: count, vocabulary: head.outputWidth)
        }
    }

    /// The same losses, and the gradients of `gradientScale` · Σ losses.
    ///
    /// - Parameters:
    ///   - gradients: The arena of all gradients; the head's is overwritten.
    ///   - hiddenGradient: [R, C], overwritten.
    package func backward<Element: Storage>(
        hidden: UnsafePointer<Element>, head: Linear<Element>, weights: UnsafePointer<Element>,
        gradients: UnsafeMutablePointer<Element>, targets: UnsafePointer<Int32>, gradientScale: Float,
        losses: UnsafeMutablePointer<Float>, hiddenGradient: UnsafeMutablePointer<Float>, rows: Int,
        _ workspace: Workspace
    ) {
        forEachBlock(rows: rows, vocabulary: head.outputWidth) { start, count in
            let logits = workspace.floats(.logits, count * head.outputWidth)
            let input = hidden + start * head.inputWidth
            head.forward(input, weights: weights, into: logits, rows: count)
            crossEntropyWithGradient(
                logits, targets: targets + start, gradientScale: gradientScale, losses: losses + start, rows: count,
                vocabulary: head.outputWidth)
            head.backward(
                input, outputGradient: logits, weights: weights, gradients: gradients,
                inputGradient: hiddenGradient + start * head.inputWidth, rows: count, accumulating: start > 0)
        }
    }

    /// Equal blocks, as few as the limit allows: the head's weight is read once a block.
    private func forEachBlock(rows: Int, vocabulary: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
        let limit = max(1, CausalLanguageModelling.blockBytes / (vocabulary * MemoryLayout<Float>.stride))
        let blocks = (rows + limit - 1) / limit
        let size = (rows + blocks - 1) / blocks
        for start in stride(from: 0, to: rows, by: size) { body(start, min(size, rows - start)) }
    }
}
