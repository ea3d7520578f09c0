import Kernels
import Tensors

// B sequences, T positions, C width; rows = B · T.

/// One pre-norm layer: x + attention(norm(x)), then x + feedForward(norm(x)).
///
/// - Source: Radford et al. 2019 (GPT-2), section 2.3.
package struct TransformerBlock<Element: Storage> {
    package let attentionNormalization: Normalization<Element>
    package let attention: SelfAttention<Element>
    package let feedForwardNormalization: Normalization<Element>
    package let feedForward: FeedForward<Element>
    private let width: Int
    private let firstSite: Int

    /// What the backward pass needs of the forward pass.
    package struct Activations {
        /// The block's output, [B, T, C].
        package let output: UnsafeMutablePointer<Element>
        let attentionInput: UnsafeMutablePointer<Element>
        let middle: UnsafeMutablePointer<Element>
        let feedForwardInput: UnsafeMutablePointer<Element>
        let attentionStatistics: Normalization<Element>.Statistics
        let feedForwardStatistics: Normalization<Element>.Statistics
        let attention: SelfAttention<Element>.Activations
        let feedForward: FeedForward<Element>.Activations
    }

    /// Declares the parameters of block number `index` under "blocks.`index`".
    package init(
        index: Int, width: Int, headCount: Int, hiddenWidth: Int, activation: ActivationForm, bias: Bool,
        initializer: Initializer, outputInitializer: Initializer, in layout: inout ParameterLayout
    ) {
        let name = "blocks.\(index)"
        self.width = width
        // Site 0 is the embedding's; a block drops probabilities and the outputs of its two sublayers.
        firstSite = 1 + 3 * index
        attentionNormalization = Normalization("\(name).attention_normalization", width: width, bias: bias, in: &layout)
        attention = SelfAttention(
            "\(name).attention", width: width, headCount: headCount, bias: bias, initializer: initializer,
            outputInitializer: outputInitializer, in: &layout)
        feedForwardNormalization = Normalization(
            "\(name).feed_forward_normalization", width: width, bias: bias, in: &layout)
        feedForward = FeedForward(
            "\(name).feed_forward", width: width, hiddenWidth: hiddenWidth, activation: activation, bias: bias,
            initializer: initializer, outputInitializer: outputInitializer, in: &layout)
    }

    /// Memory for the activations of `sequences` × `positions`.
    package func takeActivations(sequences: Int, positions: Int, from arena: ActivationArena) -> Activations {
        let rows = sequences * positions
        func stream() -> UnsafeMutablePointer<Element> { arena.take(Element.self, rows * width) }
        return Activations(
            output: stream(), attentionInput: stream(), middle: stream(), feedForwardInput: stream(),
            attentionStatistics: arena.takeStatistics(Element.self, rows: rows),
            feedForwardStatistics: arena.takeStatistics(Element.self, rows: rows),
            attention: attention.takeActivations(sequences: sequences, positions: positions, from: arena),
            feedForward: feedForward.takeActivations(rows: rows, from: arena))
    }

    /// Computes `activations.output` from `input`, [B, T, C] both.
    package func forward(
        _ input: UnsafePointer<Element>, weights: UnsafePointer<Element>, _ activations: Activations,
        sequences: Int, positions: Int, dropout: Dropout?, _ workspace: Workspace
    ) {
        let rows = sequences * positions
        let branch = workspace.floats(.branch, rows * width)
        workspace.spans.begin(.attention)
        attentionNormalization.forward(
            input, weights: weights, into: activations.attentionInput, activations.attentionStatistics, rows: rows)
        attention.forward(
            activations.attentionInput, weights: weights, into: branch, activations.attention, sequences: sequences,
            positions: positions, dropout: dropout, site: firstSite)
        dropout?.apply(branch, sequences: sequences, elements: positions * width, site: firstSite + 1)
        residual(input, branch, into: activations.middle, count: rows * width)
        workspace.spans.end()

        workspace.spans.begin(.feedForward)
        feedForwardNormalization.forward(
            activations.middle, weights: weights, into: activations.feedForwardInput,
            activations.feedForwardStatistics, rows: rows)
        feedForward.forward(
            activations.feedForwardInput, weights: weights, into: branch, activations.feedForward, rows: rows)
        dropout?.apply(branch, sequences: sequences, elements: positions * width, site: firstSite + 2)
        residual(activations.middle, branch, into: activations.output, count: rows * width)
        workspace.spans.end()
    }

    /// Turns `streamGradient`, [B, T, C], from the gradient of the block's output into that of its input.
    package func backward(
        _ input: UnsafePointer<Element>, streamGradient: UnsafeMutablePointer<Float>,
        weights: UnsafePointer<Element>, gradients: UnsafeMutablePointer<Element>, _ activations: Activations,
        sequences: Int, positions: Int, dropout: Dropout?, _ workspace: Workspace
    ) {
        let rows = sequences * positions
        let branchGradient = workspace.floats(.branchGradient, rows * width)

        workspace.spans.begin(.feedForward)
        convert(UnsafePointer(streamGradient), into: branchGradient, count: rows * width)
        dropout?.apply(branchGradient, sequences: sequences, elements: positions * width, site: firstSite + 2)
        feedForward.backward(
            activations.feedForwardInput, outputGradient: branchGradient, weights: weights, gradients: gradients,
            inputGradient: branchGradient, activations.feedForward, rows: rows, workspace)
        feedForwardNormalization.backward(
            activations.middle, outputGradient: branchGradient, weights: weights, gradients: gradients,
            accumulatingInto: streamGradient, activations.feedForwardStatistics, rows: rows, workspace)
        workspace.spans.end()

        workspace.spans.begin(.attention)
        convert(UnsafePointer(streamGradient), into: branchGradient, count: rows * width)
        dropout?.apply(branchGradient, sequences: sequences, elements: positions * width, site: firstSite + 1)
        attention.backward(
            activations.attentionInput, outputGradient: branchGradient, weights: weights, gradients: gradients,
            inputGradient: branchGradient, activations.attention, sequences: sequences, positions: positions,
            dropout: dropout, site: firstSite, workspace)
        attentionNormalization.backward(
            input, outputGradient: branchGradient, weights: weights, gradients: gradients,
            accumulatingInto: streamGradient, activations.attentionStatistics, rows: rows, workspace)
        workspace.spans.end()
    }
}
