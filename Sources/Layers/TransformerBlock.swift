import Kernels
import Numbers
import Tensors

// B sequences, T positions, C hidden size; rows = B · T.

/// The parameters of a block.
package struct BlockShape: Equatable, Sendable {
    /// The head layout of its attention sublayers.
    package let attention: AttentionShape
    /// F, the feed-forward size.
    package let hiddenWidth: Int
    package let activation: FeedForwardActivation
    package let placement: NormalizationPlacement
    package let normalization: NormalizationStyle
    /// Whether the linear layers of the feed-forward sublayer have biases.
    package let feedForwardBias: Bool
    package let initializers: BranchInitializers
    /// Whether the block has a cross-attention sublayer.
    package let seesMemory: Bool
    /// Whether all sublayers read the block's input, rather than each the sum so far; never with post-norm.
    ///
    /// - Source: Wang & Komatsuzaki 2021 (GPT-J); Black et al. 2022 (GPT-NeoX), arXiv:2204.06745, section 2.1.
    package let isParallel: Bool

    /// A shape with the given properties.
    package init(
        attention: AttentionShape, hiddenWidth: Int, activation: FeedForwardActivation,
        placement: NormalizationPlacement, normalization: NormalizationStyle, feedForwardBias: Bool,
        initializers: BranchInitializers, seesMemory: Bool, isParallel: Bool = false
    ) {
        self.attention = attention
        self.hiddenWidth = hiddenWidth
        self.activation = activation
        self.placement = placement
        self.normalization = normalization
        self.feedForwardBias = feedForwardBias
        self.initializers = initializers
        self.seesMemory = seesMemory
        self.isParallel = isParallel
    }

    /// The number of dropout sites of a block: the probabilities and the output of each attention sublayer, and the
    /// output of the feed-forward sublayer.
    package var sites: Int { seesMemory ? 5 : 3 }
}

/// A Transformer block: self-attention, optionally cross-attention, and feed-forward, each on a residual branch.
package struct TransformerBlock<Element: Storage> {
    package let attentionBranch: ResidualBranch<Element>
    package let attention: SelfAttention<Element>
    package let feedForwardBranch: ResidualBranch<Element>
    package let feedForward: FeedForward<Element>
    /// The cross-attention sublayer; nil without an encoder.
    package let cross: Cross?
    private let isParallel: Bool

    /// Cross-attention with its residual branch.
    package struct Cross {
        package let branch: ResidualBranch<Element>
        package let attention: CrossAttention<Element>
    }

    /// The activations that the backward pass uses.
    package struct Activations {
        var attentionBranch: ResidualBranch<Element>.Activations
        var attention: SelfAttention<Element>.Activations
        var crossBranch: ResidualBranch<Element>.Activations?
        var cross: CrossAttention<Element>.Activations?
        var feedForwardBranch: ResidualBranch<Element>.Activations
        var feedForward: FeedForward<Element>.Activations

        /// The block's output, [B, T, C].
        package var output: UnsafeMutablePointer<Element> { feedForwardBranch.output }

        /// The sum of the block's input and of all branches before the feed-forward branch.
        var middle: UnsafePointer<Element> { UnsafePointer((crossBranch ?? attentionBranch).output) }
    }

    /// Declares the block's parameters under `name`: those of the attention sublayers in the current section, those of
    /// the feed-forward sublayer in one more.
    ///
    /// - Parameters:
    ///   - hasWindow: Whether the window of the shape applies to this block.
    ///   - rotary: The rotary table for the shape's angles, shared by all blocks of a stack; nil: none.
    ///   - firstSite: The number of the first of the block's dropout sites.
    package init(
        _ name: String, _ shape: BlockShape, hasWindow: Bool = true, rotary: RotaryTable?, firstSite: Int,
        in layout: inout ParameterLayout
    ) {
        let width = shape.attention.width
        isParallel = shape.isParallel
        precondition(!isParallel || shape.placement != .post, "a parallel block has no post-norm")
        func branch(_ sublayer: String, site: Int, in layout: inout ParameterLayout) -> ResidualBranch<Element> {
            ResidualBranch(
                "\(name).\(sublayer)", width: width, shape.placement, shape.normalization, site: site, in: &layout)
        }
        attentionBranch = branch("attention", site: firstSite + 1, in: &layout)
        attention = SelfAttention(
            "\(name).attention", shape.attention, hasWindow: hasWindow, shape.initializers, rotary: rotary,
            site: firstSite, in: &layout)
        if shape.seesMemory {
            cross = Cross(
                branch: branch("cross_attention", site: firstSite + 3, in: &layout),
                attention: CrossAttention(
                    "\(name).cross_attention", shape.attention, shape.initializers, site: firstSite + 2, in: &layout))
        } else {
            cross = nil
        }
        layout.beginSection()
        feedForwardBranch = branch("feed_forward", site: firstSite + shape.sites - 1, in: &layout)
        feedForward = FeedForward(
            "\(name).feed_forward", width: width, hiddenWidth: shape.hiddenWidth, shape.activation,
            bias: shape.feedForwardBias, shape.initializers, in: &layout)
    }

    /// Allocates activations for `sequences` × `positions` positions that attend to `memoryPositions` encoder positions
    /// each.
    package func takeActivations(
        sequences: Int, positions: Int, memoryPositions: Int, from arena: ActivationArena
    ) -> Activations {
        let rows = sequences * positions
        return Activations(
            attentionBranch: attentionBranch.takeActivations(rows: rows, from: arena),
            attention: attention.takeActivations(sequences: sequences, positions: positions, from: arena),
            crossBranch: cross?.branch.takeActivations(rows: rows, from: arena),
            cross: cross?.attention.takeActivations(
                sequences: sequences, positions: positions, memoryPositions: memoryPositions, from: arena),
            feedForwardBranch: feedForwardBranch.takeActivations(rows: rows, from: arena),
            feedForward: feedForward.takeActivations(rows: rows, from: arena))
    }

    /// Computes `activations.output` from `input`, both [B, T, C].
    ///
    /// - Parameters:
    ///   - memory: The encoder's output, for cross-attention; nil without it, or if its keys and values are cached.
    ///   - feedForwardIsNeeded: Called before the weights of the feed-forward sublayer are read.
    package func forward(
        _ input: UnsafePointer<Element>, memory: CrossMemory<Element>?, _ activations: Activations,
        _ pass: Pass<Element>, feedForwardIsNeeded: () throws -> Void
    ) rethrows {
        forwardAttention(input, memory: memory, activations, pass)
        try feedForwardIsNeeded()
        pass.context.spans.measure(.feedForward) {
            feedForwardBranch.forward(
                isParallel ? input : activations.middle, addingTo: activations.middle, activations.feedForwardBranch,
                pass
            ) { input, output in
                feedForward.forward(
                    input, into: output, activations.feedForward, rows: pass.rows, pass.context)
            }
        }
    }

    /// Computes the attention sublayers of `forward`.
    func forwardAttention(
        _ input: UnsafePointer<Element>, memory: CrossMemory<Element>?, _ activations: Activations,
        _ pass: Pass<Element>
    ) {
        let spans = pass.context.spans
        spans.measure(.attention) {
            attentionBranch.forward(input, activations.attentionBranch, pass) { input, output in
                attention.forward(input, into: output, activations.attention, pass)
            }
        }
        if let cross {
            spans.measure(.crossAttention) {
                let stream = UnsafePointer(activations.attentionBranch.output)
                cross.branch.forward(
                    isParallel ? input : stream, addingTo: stream, activations.crossBranch!, pass
                ) { input, output in
                    cross.attention.forward(input, memory, into: output, activations.cross!, pass)
                }
            }
        }
    }

    /// Replaces `streamGradient`, [B, T, C], the gradient of the block's output, by that of its input, and adds to the
    /// memory's gradient.
    ///
    /// - Parameter feedForwardIsFinal: Called when the gradients of the feed-forward sublayer are complete.
    package func backward(
        _ input: UnsafePointer<Element>, memory: CrossMemory<Element>?, streamGradient: UnsafeMutablePointer<Float>,
        _ activations: Activations, _ pass: Pass<Element>, feedForwardIsFinal: () throws -> Void
    ) rethrows {
        let spans = pass.context.spans
        // Sublayers that read the block's input add to the stream's gradient, and all of them need the output's.
        let outputGradient = isParallel ? copy(streamGradient, pass) : nil
        spans.measure(.feedForward) {
            feedForwardBranch.backward(
                isParallel ? input : activations.middle, outputGradient: outputGradient,
                streamGradient: streamGradient, activations.feedForwardBranch, pass
            ) { input, gradient in
                feedForward.backward(
                    input, outputGradient: gradient, inputGradient: gradient, activations.feedForward,
                    rows: pass.rows, pass.context)
            }
        }
        try feedForwardIsFinal()
        if let cross, let memory {
            spans.measure(.crossAttention) {
                cross.branch.backward(
                    isParallel ? input : UnsafePointer(activations.attentionBranch.output),
                    outputGradient: outputGradient, streamGradient: streamGradient, activations.crossBranch!, pass
                ) { input, gradient in
                    cross.attention.backward(
                        input, memory, outputGradient: gradient, inputGradient: gradient, activations.cross!, pass)
                }
            }
        }
        spans.measure(.attention) {
            attentionBranch.backward(
                input, outputGradient: outputGradient, streamGradient: streamGradient, activations.attentionBranch, pass
            ) { input, gradient in
                attention.backward(
                    input, outputGradient: gradient, inputGradient: gradient, activations.attention, pass)
            }
        }
    }

    private func copy(_ gradient: UnsafeMutablePointer<Float>, _ pass: Pass<Element>) -> UnsafePointer<Float> {
        let count = pass.rows * attention.shape.width
        let copy = pass.context.workspace.floats(.blockGradient, count)
        convert(UnsafePointer(gradient), into: copy, count: count)
        return UnsafePointer(copy)
    }
}
